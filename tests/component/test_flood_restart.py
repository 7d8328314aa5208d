"""The flood guard over a restart: what was counted before it counts again, and no more than is known was delivered."""

from __future__ import annotations

import pytest

from connector.delivery.gate import SinkState
from connector.kafka.dead_letter import RecentLetter
from connector.kafka.settled_offsets import SettledOffsets, settled_offsets
from connector.model import ACCEPTED, Limits
from tests.component.doubles import REFUSED, accept
from tests.component.harness import GROUP, HERE, Harness

WIDE_GUARD = (40, 0.5, 300.0)


def letters_of(line: Harness) -> list[RecentLetter]:
    now = line.pipeline._clock.now()
    return [
        RecentLetter("mytracker", "refused", topic, partition, offset, now - 1.0)
        for (topic, partition, offset), _, _ in line.topic.identities()
    ]


def committed_by(line: Harness) -> dict[tuple[str, int], SettledOffsets]:
    return {
        place: settled_offsets(GROUP, *place, commit.position, commit.metadata)
        for place, commit in line.log.committed.items()
    }


async def crashed_in_a_flood() -> Harness:
    """Every event is refused; letters lie scattered among events that are held, as many batches were in flight."""
    line = Harness(guard=WIDE_GUARD, max_in_flight=32)
    line.vendor.answer = lambda _: REFUSED
    for number in range(600):
        line.produce(b"event", key=b"key%d" % number)
    await line.until(lambda: line.gate.flooded and not line.vendor.in_flight and not line.letters.pending)
    offsets = sorted(letter.offset for letter in letters_of(line))
    assert offsets[-1] - offsets[0] + 1 > 2 * len(offsets)  # so that the offsets between would hide the flood
    await line.end()
    line.source.blocked = True
    return line


async def test_a_restart_in_a_flood_lets_no_more_events_become_letters() -> None:
    line = await crashed_in_a_flood()
    letters, committed = letters_of(line), committed_by(line)
    for _ in range(3):
        after = Harness(log=line.log, guard=WIDE_GUARD, max_in_flight=32)
        after.vendor.answer = lambda _: REFUSED
        after.pipeline.flood_guard.wait_for_restore()
        await after.until(lambda after=after: after.pipeline.flood_guard.deferred_records, 60)  # type: ignore[misc]
        after.pipeline.flood_guard.restore(letters, committed)
        assert after.dispatcher.state(after.pipeline._clock.monotonic()) is SinkState.FLOODED
        with pytest.raises(TimeoutError):
            await after.until(lambda after=after: after.topic.letters, 70)  # type: ignore[misc]
        await after.end()
        after.source.blocked = True


async def test_what_is_known_to_be_delivered_still_counts() -> None:
    line = Harness(guard=WIDE_GUARD, limits=Limits(max_events=1, max_bytes=1000))
    line.vendor.answer = lambda request: REFUSED if request.items[0].record.offset % 3 == 0 else ACCEPTED
    for number in range(180):
        line.produce(b"event", key=b"key%d" % number)
    await line.settled()
    letters, committed = letters_of(line), committed_by(line)
    assert len(letters) > WIDE_GUARD[0]
    await line.end()
    after = Harness(log=line.log, guard=WIDE_GUARD)
    after.vendor.answer = accept
    after.pipeline.flood_guard.wait_for_restore()
    after.pipeline.flood_guard.restore(letters, committed)
    assert not after.gate.flooded
    await after.end()


async def test_where_nothing_is_known_of_deliveries_the_letters_count_alone() -> None:
    line = Harness(guard=(10, 0.5, 300.0))
    now = line.pipeline._clock.now()
    letters = [RecentLetter("mytracker", "refused", *HERE, 100 * number, now - 1.0) for number in range(11)]
    line.pipeline.flood_guard.wait_for_restore()
    line.pipeline.flood_guard.restore(letters, {})
    assert line.gate.flooded
    assert "11 of 11" in line.gate.reason
    await line.end()


async def test_events_with_a_letter_for_another_reason_were_not_delivered() -> None:
    line = Harness(guard=(10, 0.5, 300.0))
    now = line.pipeline._clock.now()
    letters = [
        RecentLetter("mytracker", "refused" if number % 2 else "unrouted", *HERE, number, now - 1.0)
        for number in range(1, 24)
    ]
    line.pipeline.flood_guard.restore(letters, {HERE: SettledOffsets(1_000, frozenset())})
    assert "12 of 12" in line.gate.reason
    await line.end()
