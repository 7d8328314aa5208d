"""The story of orders with many lines: every line comes once, through a stop, a kill, a rebalance and a replay."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from confluent_kafka import Consumer, TopicPartition

from connector.kafka.dead_letter import read_letter
from connector.kafka.letter_elements import named_elements
from connector.kafka.records import record_of
from tests.faults.commits import Commit
from tests.faults.conftest import NewWorld
from tests.faults.ends import ends_of
from tests.faults.events import REFUSED_MARK, Draft
from tests.faults.launcher import Fault
from tests.faults.world import World

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

# A commit's time comes in milliseconds.
STEP = 0.001
# The field with which some lines die, and the one that mends it.
OLD, NEW = "sku", "sku || code"

Line = tuple[int, int]  # the order's number, and the line's number in it, from 1


class Size(NamedTuple):
    """How many orders, with how many lines at most, one in how many of these bad, for so many users."""

    orders: int
    lines: int
    one_in: int
    keys: int


# One order in so many has as many lines as a list may have.
LONG_ONE = 149
SMALL = Size(200, 12, 40, 12)
FULL = Size(20_000, 50, 500, 400)


def lines_route(topic: str, name: str = OLD) -> list[dict[str, Any]]:
    """The route that makes a customEvent of every line."""
    params = {"n": "$.n", "line": "line", "note": "note"}
    fields = {"customUserId": "$.user", "customEventName": name, "customEventParams": params}
    return [{"name": "lines", "from": topic, "when": "type == 'order'", "each": "lines", "to": "mytracker.customEvent",
             "fields": {**fields, "eventTimestamp": "timestamp()"}}]  # fmt: skip


def line_of(number: int, bad: str) -> dict[str, Any]:
    """A line: good, without what the route maps, or refused by the vendor."""
    line = {"line": number, "sku": f"s{number}", "note": REFUSED_MARK if bad == "refused" else "fine"}
    if bad == "unmappable":
        line["code"] = line.pop("sku")
    return line


def orders(first: int, count: int, size: Size, bad: set[Line], seed: int) -> Iterator[Draft]:
    """Orders numbered from `first`; the bad lines are noted."""
    dice = random.Random(seed)
    for number in range(first, first + count):
        lines = []
        count = dice.randint(1, size.lines) if number % LONG_ONE else 1_000
        for at in range(1, count + 1):
            how = "" if dice.randrange(size.one_in) else dice.choice(("refused", "unmappable"))
            if how:
                bad.add((number, at))
            lines.append(line_of(at, how))
        user = f"u{number % size.keys}"
        value = json.dumps({"type": "order", "n": number, "user": user, "lines": lines}).encode()
        yield Draft(number, user.encode(), value, {})


def accepted(world: World) -> list[tuple[Line, float]]:
    """The lines in the order of their acceptance, with its time."""
    return [
        ((int(entry.item["customEventParams"]["n"]), int(entry.item["customEventParams"]["line"])), entry.time)
        for entry in world.mytracker.ledger
    ]


async def dlq(*arguments: str) -> Any:
    """Run `connector dlq ... --json` to its end; return its status and its output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "connector", "dlq", *arguments, "--json"),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert out, err.decode()
    return process.returncode, json.loads(out)


def lettered(bootstrap: str, topic: str, numbers: dict[tuple[int, int], int]) -> Counter[Line]:
    """How often each line is named by a letter. Blocks."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "faults.lines", "enable.auto.commit": False})
    try:
        low, end = ends_of(consumer, TopicPartition(topic, 0))
        consumer.assign([TopicPartition(topic, 0, low)])
        messages: list[Any] = []
        while len(messages) < end - low:
            messages += consumer.consume(1000, 1.0)
    finally:
        consumer.close()
    letters = [letter for letter in (read_letter(record_of(each)) for each in messages) if letter is not None]
    return Counter(
        (numbers[letter.partition, letter.offset], each.place + 1)
        for letter in letters
        for each in named_elements(letter.item) or ()
    )


def told(commits: Sequence[Commit], offset: int, element: int, before: float) -> bool:
    """True if a commit that was made before that time said that a line was settled."""
    return any(
        offset < commit.position
        or offset in commit.settled_above()
        or element in commit.settled_elements().get(offset, ())
        for commit in commits
        if commit.at < before - STEP
    )


async def story(world: World, size: Size, directory: Path, seconds: float) -> None:
    """A stop, a kill, a rebalance; then the letters, a fix and a replay."""
    bad: set[Line] = set()
    half = size.orders // 2
    await world.produce_these(orders(world.take_numbers(half), half, size, bad, 1))
    stopped = world.start(Fault("after response", 12, "SIGTERM"))
    assert (await world.ended(stopped)).status == 0, stopped.tail()
    assert not _twice(world), "a clean stop doubled lines"
    killed = world.start(Fault("after response", 25))
    assert (await world.ended(killed)).status == -9, killed.tail()
    await world.produce_these(orders(world.take_numbers(half), half, size, bad, 2))
    first = world.start()
    await first.up()
    second = world.start()
    await second.up()
    await asyncio.sleep(1.0)
    assert (await world.stop(first)).status == 0, first.tail()
    await world.caught_up(seconds)
    assert (await world.stop(second)).status == 0, second.tail()

    due = {
        (made.draft.number, line["line"])
        for made in world.made
        for line in json.loads(made.draft.value or b"")["lines"]
    }
    seen = accepted(world)
    shown = f"{len(due):,} lines, {len(bad):,} bad; {len(seen) - len(due - bad):,} came twice, after the kill"
    print(shown)
    assert {line for line, _ in seen} == due - bad, "a line is missing, or a bad one came"
    await _doubles_are_the_kills(world, seen)
    _in_order(world, seen)
    numbers = {(made.partition, made.offset): made.draft.number for made in world.made}
    named = await asyncio.to_thread(lettered, world.bootstrap, world.dead_letters, numbers)
    assert set(named) == bad, "the letters name other lines than the bad ones"

    world.mytracker.faults.clear()
    before = len(seen)
    config = directory / "fixed.yaml"
    settings = world.settings()
    settings["routes"] = lines_route(world.topic, NEW)
    config.write_text(yaml.safe_dump(settings))
    summary = (await dlq("summary", "--config", str(config)))[1]
    assert summary["open"] == len({number for number, _ in bad})
    status, replayed = await dlq("replay", "--config", str(config))
    assert (status, replayed["accepted"]) == (0, summary["open"]), replayed
    again = [line for line, _ in accepted(world)[before:]]
    assert Counter(again) == Counter(bad), "the replay sent other lines than the bad ones, or one twice"
    assert (await dlq("summary", "--config", str(config)))[1]["open"] == 0


def _twice(world: World) -> list[Line]:
    return [line for line, times in Counter(line for line, _ in accepted(world)).items() if times > 1]


async def _doubles_are_the_kills(world: World, seen: list[tuple[Line, float]]) -> None:
    """What came twice is nothing that a commit had told of."""
    places = {made.draft.number: (made.partition, made.offset) for made in world.made}
    by_partition: dict[int, list[Commit]] = defaultdict(list)
    for commit in await world.commits():
        by_partition[commit.partition].append(commit)
    times: dict[Line, list[float]] = defaultdict(list)
    for line, at in seen:
        times[line].append(at)
    for (number, element), its_times in times.items():
        partition, offset = places[number]
        assert len(its_times) <= 2, "one kill repeats a line once"
        for again in its_times[1:]:
            assert not told(by_partition[partition], offset, element, again), f"{number}/{element} again, though told"


def _in_order(world: World, seen: list[tuple[Line, float]]) -> None:
    """A key's first acceptances keep the order of its orders and of their lines."""
    keys = {made.draft.number: made.draft.key for made in world.made}
    first: set[Line] = set()
    last: dict[bytes, Line] = {}
    for line, _ in seen:
        if line not in first:
            first.add(line)
            assert last.get(keys[line[0]], (-1, -1)) < line, f"{line} came after {last[keys[line[0]]]}"
            last[keys[line[0]]] = line


async def test_every_line_comes_once_through_a_stop_a_kill_a_rebalance_and_a_replay(
    new_world: NewWorld, tmp_path: Path
) -> None:
    few = {"max_in_flight": 4, "batch": {"max_events": 7, "linger": "20ms"}}
    async with new_world(partitions=3, mytracker=few, make_routes=lines_route) as world:
        await story(world, SMALL, tmp_path, 40)


@pytest.mark.soak
async def test_half_a_million_lines_of_twenty_thousand_orders_do(new_world: NewWorld, tmp_path: Path) -> None:
    async with new_world(partitions=4, make_routes=lines_route) as world:
        await story(world, FULL, tmp_path, 900)
