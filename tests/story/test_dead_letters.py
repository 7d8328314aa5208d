"""The story of a bad night: a mapping mistake kills 5,000 of 50,000 events, and all of them are delivered after all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.dead_letters import IN_FLIGHT, Desk

pytestmark = [pytest.mark.kafka, pytest.mark.soak]

EVENTS, BROKEN = 50_000, 5_000
MISTAKEN = {"customUserId": "user.id", "customEventName": "type"}
MENDED = {"customUserId": "user.id || user_id", "customEventName": "type"}


def event(number: int) -> tuple[bytes, dict[str, Any]]:
    """Every tenth has the user where the configuration does not look."""
    user = {"user": {"id": f"u{number}"}} if number % (EVENTS // BROKEN) else {"user_id": f"u{number}"}
    return f"k{number % 997}".encode(), {"type": "level.up", **user}


async def test_after_the_fix_a_canary_a_kill_and_a_resumption_every_event_was_accepted(desk: Desk) -> None:
    mistaken, mended = str(desk.write(desk.settings(MISTAKEN))), str(desk.write(desk.settings(MENDED)))
    desk.produce(event(number) for number in range(EVENTS))
    await desk.deliver(desk.settings(MISTAKEN), EVENTS, seconds=300)
    assert desk.vendor.ledger.events == EVENTS - BROKEN

    (group,) = (await desk.dlq("summary", "--config", mistaken, "--json")).json["groups"]
    assert (group["open"], group["reason"]) == (BROKEN, "unmappable")
    before = (await desk.dlq("show", group["example"], "--config", mistaken, "--json")).json["today"]
    after = (await desk.dlq("show", group["example"], "--config", mended, "--json")).json["today"]
    assert (before["accepted"], after["accepted"]) == (False, True)
    plan = (await desk.dlq("replay", "--config", mended, "--dry-run", "--json")).json
    assert (plan["passing"], plan["failing"]) == (BROKEN, 0)

    canary = await desk.dlq("replay", "--config", mended, "--limit", "20", "--json")
    assert (canary.status, canary.json["accepted"]) == (0, 20)

    everything = desk.accepted()
    desk.vendor.reset({"latency_ms": 50})  # slow enough to be killed; the ledger begins anew
    killed = await desk.start("replay", "--config", mended)
    await desk.until_accepted(2_000, seconds=120)
    killed.kill()
    await killed.wait()
    resumed = await desk.dlq("replay", "--config", mended, "--json")
    assert resumed.status == 0, resumed.err
    everything += desk.accepted()
    assert set(everything) == {f"u{number}" for number in range(EVENTS)}
    assert everything.total() - EVENTS <= IN_FLIGHT
    assert (await desk.dlq("summary", "--config", mended, "--json")).json["open"] == 0


async def test_what_fails_again_stays_a_dead_letter_and_all_else_is_accepted_once(desk: Desk) -> None:
    mended = str(desk.write(desk.settings(MENDED)))
    desk.produce(event(number) for number in range(EVENTS))
    await desk.deliver(desk.settings(MISTAKEN), EVENTS, seconds=300)
    refused = [number for number in range(0, EVENTS, EVENTS // BROKEN) if number % 1000 == 0]
    desk.vendor.order(
        [
            {"kind": "status", "status": 422, "body": {"error": "no"}, "times": "until_reset",
             "match": {"contains": f'"u{number}"'}}
            for number in refused
        ]
    )  # fmt: skip
    first = await desk.dlq("replay", "--config", mended, "--json")
    assert (first.status, first.json["accepted"], first.json["refused"]) == (1, BROKEN - len(refused), len(refused))
    summary = (await desk.dlq("summary", "--config", mended, "--json")).json
    assert (summary["open"], [group["reason"] for group in summary["groups"]]) == (len(refused), ["refused"])

    desk.vendor.faults.clear()
    assert (await desk.dlq("replay", "--config", mended)).status == 0
    assert desk.accepted() == {f"u{number}": 1 for number in range(EVENTS)}
