"""myTracker's sink, gate and dispatcher before the simulator: all eight methods, devices, names, retried payments."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.model import Reason
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.switches import MyTrackerSwitches
from tests.support.vendors import REFUSED_ADDRESS, PickyMyTracker
from tests.vendors.delivering import Delivery, mytracker, secret

TOKEN = "demo-token"  # noqa: S105 - it guards nothing
WIDE = "\U0001f600"  # one character, four bytes
METHODS: dict[str, dict[str, Any]] = {
    "registration": {},
    "login": {},
    "customEvent": {"customEventName": "levelUp"},
    "customRevenue": {"eventTimestamp": 1577191920, "idTransaction": "o1", "currency": "USD", "total": 1.99},
}


def of_size(own: dict[str, Any], size: int) -> dict[str, Any]:
    """Fields whose JSON has so many bytes, none longer than its limit in characters."""
    fields = {"customUserId": WIDE * 1024, "userAgent": "", **own}
    wide, narrow = divmod(size - len(orjson.dumps(fields)), 4)
    return fields | {"userAgent": WIDE * wide + "x" * narrow}


@pytest.mark.parametrize("method", METHODS)
async def test_each_method_goes_by_its_batch_form_and_alone_where_only_that_fits(method: str, tmp_path: Path) -> None:
    """An item of 9,999 or 10,000 bytes fits alone and not into an array; one of 9,998 just fits into one."""
    own = METHODS[method]
    sizes = (9_998, 9_999, 10_000)
    async with MyTrackerSimulator(app_id=666) as vendor:
        async with Delivery(mytracker(vendor, secret(tmp_path, "token", TOKEN))) as delivery:
            small = [delivery.item(method, None, {"customUserId": f"u{number}", **own}) for number in range(40)]
            large = [delivery.item(method, None, of_size(own, size)) for size in sizes]
            assert [len(item.body) for item in large] == list(sizes)
            await delivery.deliver([*small, *large])
        summary = vendor.ledger.summary()
    assert summary["by_method"] == {f"{method}Batch": 41, method: 2}
    assert (summary["max_items"], summary["max_bytes"]) == (20, 10_000)
    assert (summary["by_status"], summary["duplicates"]) == ({"200": summary["requests"]}, 0)


async def test_a_device_stands_for_a_user(tmp_path: Path) -> None:
    devices = ("instanceId", "lvid", "gaid", "androidId", "idfa", "iosVendorId")
    async with MyTrackerSimulator() as vendor:
        async with Delivery(mytracker(vendor, secret(tmp_path, "token", TOKEN))) as delivery:
            items = [
                delivery.item(method, None, {name: "a" * {"lvid": 32, "androidId": 16}.get(name, 36), **own})
                for method, own in list(METHODS.items())[2:]
                for name in devices
            ]
            await delivery.deliver(items)
        accepted = Counter(name for entry in vendor.ledger for name in devices if name in entry.item)
    assert accepted == Counter(dict.fromkeys(devices, 2))


async def test_every_documented_value_of_an_enumeration_is_accepted_by_its_name(tmp_path: Path) -> None:
    named = {
        "idGender": {"unknown": 0, "man": 1, "woman": 2},
        "connectionType": {"unknown": 0, "mobile": 1, "wi-fi": 2},
        "bluetoothEnabled": {"unknown": 0, "on": 1, "off": 2},
        "adTrackingEnabled": {"on": 1, "off": 0},
        "adBlocker": {"on": 1, "off": 0},
    }
    pairs = [(field, name, number) for field, names in named.items() for name, number in names.items()]
    strict = MyTrackerSwitches(numeric_texts="refuse")
    async with MyTrackerSimulator(switches=strict) as vendor:
        async with Delivery(mytracker(vendor, secret(tmp_path, "token", TOKEN))) as delivery:
            await delivery.deliver(
                delivery.item("login", None, {"customUserId": f"{field}/{name}", field: name})
                for field, name, _ in pairs
            )
        sent = {entry.item["customUserId"]: entry.item for entry in vendor.ledger}
    assert [sent[f"{field}/{name}"][field] for field, name, _ in pairs] == [number for _, _, number in pairs]


async def test_a_culprit_costs_itself_alone_and_the_payments_beside_it_are_counted_once(tmp_path: Path) -> None:
    """A refused batch that took partial effect is sent again in halves; idTransaction lets the vendor tell."""
    switches = MyTrackerSwitches(refused_batch="partial", id_transaction="once")
    async with PickyMyTracker(switches=switches) as vendor:
        async with Delivery(mytracker(vendor, secret(tmp_path, "token", TOKEN))) as delivery:
            payments = [
                delivery.item("customRevenue", None, {"customUserId": "u", **METHODS["customRevenue"],
                                                      "idTransaction": f"o{number}",
                                                      **({"ipv4": REFUSED_ADDRESS} if number == 7 else {})})
                for number in range(20)
            ]  # fmt: skip
            await delivery.deliver(payments)
        paid = Counter(entry.item["idTransaction"] for entry in vendor.ledger)
    assert paid == Counter(f"o{number}" for number in range(20) if number != 7)
    (failure,) = delivery.failures
    assert (failure.reason, failure.status) == (Reason.REFUSED, 400)
    assert failure.record.offset == payments[7].record.offset


async def test_a_retry_of_a_payment_says_the_same_to_the_byte(tmp_path: Path) -> None:
    """idTransaction, eventTimestamp and all else come from the event: the vendor can see that it is the same."""
    async with MyTrackerSimulator() as vendor:
        vendor.order({"kind": "reset", "apply": "after"})
        async with Delivery(mytracker(vendor, secret(tmp_path, "token", TOKEN))) as delivery:
            await delivery.deliver(
                [delivery.item("customRevenue", None, {"customUserId": "u", **METHODS["customRevenue"]})]
            )
        first, second = vendor.ledger
    assert first.item == second.item
    assert second.times == 2
