"""`connector preview --live`: what SailPlay calls the events that would be fired."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from connector.simulators.sailplay import SailPlaySimulator, SimulatedEvent

CONFIG = """
kafka: {bootstrap.servers: "127.0.0.1:1"}
group: crm
dead_letters: crm.dead-letters
redact: [%s]
topics: {orders: {}}
sinks:
  sailplay:
    kind: sailplay
    base_url: %s
    store_department_id: 11
    token: {env: PREVIEW_TOKEN}
routes:
  - {from: orders, to: sailplay.fire, fields: {origin_user_id: user, event_key: key, value: total}}
"""


async def previewed(
    vendor: SailPlaySimulator, directory: Path, event: dict[str, Any], *arguments: str, redact: str = ""
) -> tuple[int | None, str, str]:
    """Exit status, output, errors; in a process of its own, for the simulator serves in this one's loop."""
    file = directory / "connector.yaml"
    file.write_text(CONFIG % (redact, vendor.url))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connector", "preview", "--config", str(file), "--event", "-", *arguments,
        stdin=PIPE, stdout=PIPE, stderr=PIPE, env={"PREVIEW_TOKEN": "demo-token"},
    )  # fmt: skip
    said, errors = await process.communicate(json.dumps(event).encode())
    return process.returncode, said.decode(), errors.decode()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"user": "u", "key": "paid", "total": 5}, "fires: Paid (sum)"),
        ({"user": "u", "key": "paid"}, "fires: Paid (sum), which requires value: SailPlay will refuse it"),
        ({"user": "u", "key": "gone"}, "fires: no event of this department has this event_key"),
    ],
)
async def test_the_vendors_name_stands_beside_the_key_and_nothing_is_fired(
    event: dict[str, Any], said: str, tmp_path: Path
) -> None:
    async with SailPlaySimulator(events=[SimulatedEvent("paid", "sum", "Paid")]) as vendor:
        status, shown, errors = await previewed(vendor, tmp_path, event, "--live")
        assert (status, errors) == (0, "")
        assert said in shown
        assert (len(vendor.ledger), vendor.ledger.requests) == (0, 1)
        _, shown, _ = await previewed(vendor, tmp_path, event)
        assert "fires:" not in shown
        assert vendor.ledger.requests == 1


async def test_a_vendor_that_cannot_be_asked_is_said_and_hides_nothing_else(tmp_path: Path) -> None:
    async with SailPlaySimulator() as vendor:
        vendor.order({"kind": "status", "status": 503, "body": "down"})
        event = {"user": "u", "key": "paid", "total": 5}
        status, shown, _ = await previewed(vendor, tmp_path, event, "--live", "--json")
    (route,) = json.loads(shown)["routes"]
    assert (status, route["outcome"]) == (0, "sent")
    assert route["vendor_event"] == "its name is not known: down"


async def test_a_key_that_redact_hides_has_no_name(tmp_path: Path) -> None:
    async with SailPlaySimulator(events=[SimulatedEvent("paid", "sum", "Paid")]) as vendor:
        event = {"user": "u", "key": "paid", "total": 5}
        _, shown, _ = await previewed(vendor, tmp_path, event, "--live", redact="key")
    assert "Paid" not in shown
