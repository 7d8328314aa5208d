"""How a replay ends: beside another one, killed, told to stop, and by itself."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.service.preflight.members import ask_groups
from tests.support.connector import RunningConnector, until
from tests.support.dead_letters import IN_FLIGHT, NEW, Desk, ended, refusing

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_second_replay_is_refused_at_once_and_the_first_goes_on(
    desk: Desk, admin: AdminClient, partitions: int
) -> None:
    """However many partitions an operator gave the receipts topic, on which the lock stands."""
    topic = NewTopic(desk.receipts, partitions, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([topic])[desk.receipts].result()
    desk.bury_unmappable(60)
    config = str(desk.write(desk.settings(NEW, sink={"retry": {"initial": "50ms", "max": "200ms"}})))
    desk.vendor.order(
        {"kind": "outage", "times": "until_reset"}
    )  # the first waits it out, however long the second takes
    first = await desk.start("replay", "--config", config, "--json")
    await desk.until_requested()
    second = await desk.dlq("replay", "--config", config)
    assert second.status == 1
    assert "another replay is running" in second.err
    desk.vendor.faults.clear()
    assert (await ended(first)).json["accepted"] == 60
    assert desk.accepted() == {f"u{number}": 1 for number in range(60)}


async def test_a_sink_called_replay_and_a_replay_do_not_meet_in_one_group(desk: Desk, tmp_path: Path) -> None:
    """The sink's own group would be the lock, had it the usual name."""
    desk.bury_unmappable(3)
    settings = desk.settings(NEW)
    settings["sinks"]["replay"] = settings["sinks"]["mytracker"]
    settings["routes"] += [{"from": desk.events, "to": "replay.customEvent", "fields": NEW}]
    group = f"{desk.letters}.replay"
    conf = {"bootstrap.servers": desk.broker.bootstrap}
    async with RunningConnector(tmp_path, settings, "--sink", "replay") as running:

        async def assigned() -> bool:
            return len((await running.sink("replay")).get("partitions", ())) == 4

        await until(assigned, seconds=40, what="an assignment")
        config = str(desk.write(settings))
        desk.vendor.order({"kind": "outage", "times": "until_reset"})
        first = await desk.start("replay", "--config", config, "--json")
        await desk.until_requested()
        assert ask_groups(conf, [group])[group].members == 1
        second = await desk.dlq("replay", "--config", config)
        assert (second.status, "another replay is running" in second.err) == (1, True)
        desk.vendor.faults.clear()
        assert (await ended(first)).json["accepted"] == 3


async def test_a_killed_replay_is_resumed_and_at_most_what_was_in_flight_is_sent_twice(desk: Desk) -> None:
    desk.bury_unmappable(600)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.reset({"latency_ms": 100})
    killed = await desk.start("replay", "--config", config)
    await desk.until_accepted(200)
    killed.kill()
    await killed.wait()
    resumed = await desk.dlq("replay", "--config", config, "--json")
    assert resumed.status == 0, resumed.err
    accepted = desk.accepted()
    assert set(accepted) == {f"u{number}" for number in range(600)}
    assert accepted.total() - 600 <= IN_FLIGHT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_what_is_left_is_said_and_nothing_is_sent_twice(
    desk: Desk, number: signal.Signals
) -> None:
    desk.bury_unmappable(400)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.reset({"latency_ms": 100})
    stopped = await desk.start("replay", "--config", config)
    await desk.until_accepted(100)
    stopped.send_signal(number)
    end = await ended(stopped)
    left = 400 - desk.vendor.ledger.events
    assert end.status == 1
    assert f"{left} letters not answered for" in end.err
    assert (await desk.dlq("replay", "--config", config, "--json")).json["selected"] == left
    assert desk.accepted() == {f"u{each}": 1 for each in range(400)}


async def test_it_stops_by_itself_when_too_many_are_refused_again(desk: Desk) -> None:
    desk.bury_unmappable(300)
    config = str(desk.write(desk.settings(NEW)))
    desk.vendor.order(refusing("u"))
    end = await desk.dlq("replay", "--config", config, "--max-failures", "10%", "--json")
    assert end.status == 1
    assert "more than --max-failures allows" in end.json["stopped"]
    assert 20 <= end.json["refused"] < 300
    assert end.json["refused"] + end.json["remaining"] == 300
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 300
