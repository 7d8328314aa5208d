"""What one partition holds open takes neither the room of the others nor more than all may have together."""

from __future__ import annotations

import pytest

from connector.model import ACCEPTED, Limits, Outcome, OutcomeKind
from tests.component.harness import Harness

NO_GUARD = (10**9, 1.0, 300.0)
PLACES = [("users", partition) for partition in range(4)]
HELD = Outcome(OutcomeKind.UNAVAILABLE, 200, "no such client", code="-4000", retry_for=86_400.0)


def line_of(*, max_open_events: int = 6_000, max_open_bytes: int = 1 << 30) -> Harness:
    return Harness(
        guard=NO_GUARD,
        limits=Limits(max_events=20, max_bytes=10_000),
        places=PLACES,
        max_open_events=max_open_events,
        max_open_bytes=max_open_bytes,
    )


def produce_good(line: Harness, partition: int, events: int) -> None:
    for number in range(events):
        line.produce(b"good", key=b"key%d" % (number % 40), place=("users", partition))


@pytest.mark.parametrize("standing", [1, 2, 3])
@pytest.mark.parametrize("by", ["events", "bytes"])
async def test_partitions_whose_letters_cannot_be_written_do_not_stop_the_others(standing: int, by: str) -> None:
    size = 200
    line = line_of() if by == "events" else line_of(max_open_events=10**9, max_open_bytes=6_000 * size)
    line.topic.refused_partitions = set(range(standing))
    for partition in range(standing):
        for _ in range(8_000):
            line.produce(b"undecodable".ljust(size), place=("users", partition))
    produce_good(line, 3, 3_000)
    await line.until(lambda: line.stats.delivered == 3_000, 600)
    assert line.assignment.open_parts <= 6_000 + 2 * line.source.CHUNK
    assert line.assignment.open_bytes <= 6_000 * size + 2 * line.source.CHUNK * size
    line.topic.refused_partitions = set()
    await line.settled(3600)
    line.check_accounts()
    assert line.topic.reasons() == {"undecodable": 8_000 * standing}
    await line.end()


async def test_a_key_that_waits_does_not_stop_other_partitions() -> None:
    line = line_of(max_open_events=3_000)
    line.vendor.answer = lambda request: HELD if request.items[0].record.key == b"held" else ACCEPTED
    for _ in range(4_000):
        line.produce(b"event", key=b"held", place=("users", 0))
    produce_good(line, 1, 3_000)
    await line.until(lambda: line.stats.delivered == 3_000, 600)
    assert line.assignment.open_parts <= 2_000
    line.vendor.answer = lambda _: ACCEPTED
    await line.settled(90_000)
    line.check_accounts()
    await line.end()


async def test_a_single_partition_may_have_all_of_the_marks() -> None:
    line = Harness(guard=NO_GUARD, max_open_events=3_000)
    line.topic.refusal = "refused"
    for _ in range(4_000):
        line.produce(b"undecodable")
    await line.until(lambda: line.assignment.open_parts >= 3_000, 600)
    assert not line.assignment.paused
    await line.end()
