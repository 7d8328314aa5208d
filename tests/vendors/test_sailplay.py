"""SailPlay's sink, gate and dispatcher before the simulator: points, tokens, codes that heal, and the rate."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from connector.model import Outcome, OutcomeKind, Reason
from connector.simulators.switches import SailPlaySwitches
from connector.vendors.sailplay.events import fetch_events, sightings
from connector.vendors.vendor import Sightings
from tests.support.sinks import Token
from tests.vendors.delivering import FLAG, Delivery, WatchedSailPlay, sailplay, secret

TOKEN = "demo-token"  # noqa: S105 - it guards nothing
# After these nobody knows whether the fire was carried out; the simulator does it before or after the fault.
UNKNOWN: dict[str, dict[str, Any]] = {
    "reset": {"kind": "reset"},
    "close": {"kind": "close"},
    "half_header": {"kind": "half_header"},
    "half_body": {"kind": "half_body"},
    "hang": {"kind": "hang"},
    "html_200": {"kind": "html_200"},
    "truncated_json": {"kind": "truncated_json"},
    "bad_gzip": {"kind": "bad_gzip"},
    "500": {"kind": "status", "status": 500, "body": "<h1>Server Error (500)</h1>"},
    "502": {"kind": "status", "status": 502},
    "504": {"kind": "status", "status": 504},
}
# After these it certainly was not.
NOT_DONE: dict[str, dict[str, Any]] = {
    "503": {"kind": "status", "status": 503},
    "429": {"kind": "status", "status": 429},
    "408": {"kind": "status", "status": 408},
    "400": {"kind": "status", "status": 400, "body": "<h1>Bad Request</h1>"},
}


def no_rate() -> SailPlaySwitches:
    return SailPlaySwitches(rate=0)


@pytest.mark.parametrize("policy", ["retry", "dead_letter"])
async def test_points_are_given_as_the_policy_for_unknown_outcomes_says(
    policy: Literal["retry", "dead_letter"], tmp_path: Path
) -> None:
    """Of the lost answers half were applied. `retry` never loses a fire and doubles the applied ones; `dead_letter`
    never doubles one and asks a person about each; what certainly was not done is sent again under both."""
    applied = [f"{name}-applied" for name in UNKNOWN]
    not_applied = [f"{name}-lost" for name in UNKNOWN]
    refused = [f"{name}-refused" for name in NOT_DONE]
    async with WatchedSailPlay(switches=no_rate()) as vendor:
        for name, fault in UNKNOWN.items():
            vendor.order(fault | {"apply": "after", "match": {"contains": f"origin_user_id={name}-applied"}})
            vendor.order(fault | {"apply": "before", "match": {"contains": f"origin_user_id={name}-lost"}})
        for name, fault in NOT_DONE.items():
            vendor.order(fault | {"match": {"contains": f"origin_user_id={name}-refused"}})
        settings = sailplay(vendor, secret(tmp_path, "token", TOKEN), on_unknown_outcome=policy, timeout="700ms")
        async with Delivery(settings) as delivery:
            await delivery.deliver(delivery.fire(user) for user in [*applied, *not_applied, *refused, "well"])
        points = {user: fires for (_, user, _), fires in vendor.fires_of_users().items()}
    letters = {Reason(failure.reason) for failure in delivery.failures}
    if policy == "retry":
        assert points == dict.fromkeys(applied, 2) | dict.fromkeys([*not_applied, *refused, "well"], 1)
        assert letters == set()
    else:
        assert points == dict.fromkeys([*applied, *refused, "well"], 1)
        assert letters == {Reason.UNKNOWN_OUTCOME}
        assert len(delivery.failures) == len(UNKNOWN) * 2


async def test_the_answer_of_events_status_helps_a_person_to_decide(tmp_path: Path) -> None:
    async with WatchedSailPlay() as vendor:
        vendor.order([{"kind": "reset", "apply": "after"}, {"kind": "reset", "apply": "before"}])
        settings = sailplay(vendor, secret(tmp_path, "token", TOKEN), on_unknown_outcome="dead_letter", max_in_flight=1)
        async with Delivery(settings) as delivery:
            fires = [delivery.fire("applied"), delivery.fire("lost")]
            await delivery.deliver(fires)
            applied, lost = [await sightings(settings, delivery.sink.ask, item.body) for item in fires]
    assert isinstance(applied, Sightings)
    assert applied.times == 1
    assert applied.last is not None
    assert lost == Sightings(0, None)


async def test_a_code_that_heals_holds_its_key_and_no_other(tmp_path: Path) -> None:
    """-4000 until the client is created a moment later."""
    async with WatchedSailPlay(switches=SailPlaySwitches(rate=0, client_after=1)) as vendor:
        settings = sailplay(vendor, secret(tmp_path, "token", TOKEN), retry_codes={"-4000": "60s"})
        async with Delivery(settings) as delivery:
            await delivery.deliver([delivery.fire("known")])
            ours = [delivery.item("fire", b"k", {"origin_user_id": "new", "event_key": FLAG, "value": n})
                    for n in (1, 2)]  # fmt: skip
            await delivery.deliver([*ours, delivery.fire("known", b"another")])
        values = [entry.item["value"] for entry in vendor.ledger if entry.item["origin_user_id"] == "new"]
    assert values == ["1", "2"]
    assert [item.record.key for item in delivery.accepted] == [None, b"another", b"k", b"k"]
    assert delivery.failures == []
    assert delivery.stats.codes["-4000"] > 1
    assert delivery.stats.vendor_outages == 0


async def test_a_code_that_does_not_heal_in_its_time_becomes_a_dead_letter_and_frees_its_key(tmp_path: Path) -> None:
    gone = {"status": "error", "status_code": -4000, "message": "User not found"}
    async with WatchedSailPlay(switches=no_rate()) as vendor:
        vendor.order({"kind": "status", "status": 200, "body": gone, "times": "until_reset",
                      "match": {"contains": "origin_user_id=gone"}})  # fmt: skip
        settings = sailplay(vendor, secret(tmp_path, "token", TOKEN), retry_codes={"-4000": "300ms"})
        async with Delivery(settings) as delivery:
            await delivery.deliver([delivery.fire("gone", b"k"), delivery.fire("here", b"k")])
    (failure,) = delivery.failures
    assert (failure.reason, failure.status, failure.message) == (
        Reason.REFUSED,
        200,
        "status_code -4000: User not found",
    )
    assert failure.attempts > 1
    assert [item.record.key for item in delivery.accepted] == [b"k"]


def login_of(directory: Path, pin: str = "demo-pin") -> Token:
    key, pin_code = secret(directory, "key", "demo-department-key"), secret(directory, "pin", pin)
    return {"login": {"store_department_key": {"file": str(key)}, "pin_code": {"file": str(pin_code)}}}


async def test_a_token_that_ends_three_times_costs_a_login_each_and_no_event(tmp_path: Path) -> None:
    """Eight requests in flight are refused with the old token; they share one login and are sent again, once."""
    async with WatchedSailPlay(switches=no_rate()) as vendor:
        async with Delivery(sailplay(vendor, login_of(tmp_path))) as delivery:
            for part in range(4):
                if part:
                    vendor.order({"revoke_token": True})
                await delivery.deliver(delivery.fire(f"u{part}-{number}") for number in range(20))
        assert vendor.called("login") == 4
        assert set(vendor.fires_of_users().values()) == {1}
        assert len(vendor.ledger) == 80
    assert delivery.failures == []
    assert set(delivery.stats.outcomes) == {OutcomeKind.ACCEPTED}


async def test_every_call_waits_for_a_slot_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logins, the second tries after them and events/list among the fires; slots are 1/rate apart."""
    rate = 100
    slots: list[float] = []
    async with WatchedSailPlay(switches=no_rate()) as vendor:
        vendor.reset({"latency_ms": 30})
        settings = sailplay(vendor, login_of(tmp_path), rate=f"{rate}/s")
        async with Delivery(settings) as delivery:
            take = delivery.dispatcher.gate.reserve_request

            def taken(now: float) -> float:
                slots.append(take(now))
                return slots[-1]

            monkeypatch.setattr(delivery.dispatcher.gate, "reserve_request", taken)
            under_way = asyncio.create_task(delivery.deliver(delivery.fire(f"u{number}") for number in range(50)))
            for _ in range(3):
                await asyncio.sleep(0.1)
                vendor.order({"revoke_token": True})
                assert not isinstance(await fetch_events(settings, delivery.sink.ask), Outcome)
            await under_way
        assert vendor.called("events/list") >= 3
        assert vendor.called("login") >= 2
        assert len(slots) >= len(vendor.calls)
    slots.sort()
    assert all(later - earlier >= 0.999 / rate for earlier, later in pairwise(slots))
    assert len(delivery.accepted) == 50


@pytest.mark.parametrize("revoked", [False, True])
async def test_a_login_that_fails_is_ours_with_the_vendors_word_and_is_tried_once_for_all(
    revoked: bool, tmp_path: Path
) -> None:
    async with WatchedSailPlay(switches=no_rate()) as vendor:
        async with Delivery(sailplay(vendor, login_of(tmp_path, "demo-pin" if revoked else "wrong"))) as delivery:
            if revoked:
                await delivery.deliver([delivery.fire("first")])
                secret(tmp_path, "pin", "wrong")
                vendor.order({"revoke_token": True})
            before = vendor.called("login")
            sent = await asyncio.gather(*(delivery.sink.send("fire", [delivery.fire("u")]) for _ in range(8)))
            assert vendor.called("login") == before + 1
            assert set(sent) == {
                Outcome(OutcomeKind.MISCONFIGURED, 200, "login: status_code -2: Login failure", code="-2")
            }
            assert delivery.sink.credentials_renewed() is False
            secret(tmp_path, "pin", "demo-pin")
            assert [delivery.sink.credentials_renewed() for _ in range(2)] == [True, False]
            await delivery.deliver([delivery.fire("second")])
        assert len(vendor.ledger) == 1 + revoked


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "status", "status": 503, "body": "down"}, "login: down"),
        ({"kind": "reset"}, "login: "),
        ({"kind": "status", "status": 200, "body": {"status": "ok"}}, "login: answered without a token"),
        (
            {"kind": "status", "status": 200, "body": {"status": "ok", "token": "a\nb"}},
            "login: answered without a token",
        ),
        ({"kind": "hang"}, "login: "),
    ],
)
async def test_a_login_without_an_answer_is_the_vendors_fault_and_no_fire_is_in_doubt(
    fault: dict[str, Any], said: str, tmp_path: Path
) -> None:
    async with WatchedSailPlay() as vendor:
        vendor.order(fault | {"match": {"method": "login"}})
        settings = sailplay(vendor, login_of(tmp_path), on_unknown_outcome="dead_letter", timeout="500ms")
        async with Delivery(settings) as delivery:
            outcome = await delivery.sink.send("fire", [delivery.fire("u")])
            assert (outcome.kind, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, False)
            assert outcome.message.startswith(said)
            await delivery.deliver([delivery.fire("u")])
        assert delivery.failures == []
        assert len(vendor.ledger) == 1


async def test_a_token_that_is_refused_again_after_a_login_is_not_renewed_in_a_loop(tmp_path: Path) -> None:
    invalid = {"status": "error", "status_code": -7, "message": "Invalid token"}
    async with WatchedSailPlay() as vendor:
        vendor.order({"kind": "status", "status": 200, "body": invalid, "times": "until_reset",
                      "match": {"method": "events/fire"}})  # fmt: skip
        async with Delivery(sailplay(vendor, login_of(tmp_path))) as delivery:
            outcome = await delivery.sink.send("fire", [delivery.fire("u")])
        assert (outcome.kind, outcome.code) == (OutcomeKind.MISCONFIGURED, "-7")
        assert vendor.called("login") == 2
        assert vendor.ledger.summary()["by_fault"] == {"status": 2}


async def test_no_secret_of_a_login_is_in_what_is_said(tmp_path: Path) -> None:
    echo = {"status": "error", "message": "demo-pin of demo-department-key is not known"}
    async with WatchedSailPlay() as vendor:
        vendor.order({"kind": "status", "status": 200, "body": echo})
        async with Delivery(sailplay(vendor, login_of(tmp_path))) as delivery:
            outcome = await delivery.sink.send("fire", [delivery.fire("u")])
    assert outcome == Outcome(OutcomeKind.MISCONFIGURED, 200, "login: *** of *** is not known")


async def test_by_get_a_pin_still_stands_in_no_url(tmp_path: Path) -> None:
    async with WatchedSailPlay() as vendor:
        async with Delivery(sailplay(vendor, login_of(tmp_path), http_method="get")) as delivery:
            await delivery.deliver([delivery.fire("u")])
        assert vendor.verbs == {("POST", "login"), ("GET", "events/fire")}


async def test_a_missing_pin_holds_the_sink(tmp_path: Path) -> None:
    async with WatchedSailPlay() as vendor:
        login = login_of(tmp_path)
        (tmp_path / "pin").unlink()
        async with Delivery(sailplay(vendor, login)) as delivery:
            assert (delivery.sink.credentials_ready() or "").startswith("pin_code: file ")
            assert (await delivery.sink.send("fire", [delivery.fire("u")])).kind is OutcomeKind.MISCONFIGURED
        assert vendor.calls == []


async def test_429_lowers_the_pace_and_successes_give_it_back(tmp_path: Path) -> None:
    """The vendor takes 20 a second, the configuration says 45."""
    async with WatchedSailPlay(switches=SailPlaySwitches(rate=20)) as vendor:
        settings = sailplay(vendor, secret(tmp_path, "token", TOKEN), rate="45/s")
        async with Delivery(settings) as delivery:
            await delivery.deliver(delivery.fire(f"u{number}") for number in range(45))
        assert vendor.ledger.summary()["by_status"]["429"] >= 1
        assert set(vendor.fires_of_users().values()) == {1}
    slowest = delivery.paces.index(min(delivery.paces))
    assert delivery.paces[slowest] <= 0.5
    assert max(delivery.paces[slowest:]) > delivery.paces[slowest]
    assert delivery.failures == []
