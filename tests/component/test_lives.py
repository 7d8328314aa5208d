"""Lives drawn by lot: members take partitions from each other and stop, the vendor fails, records make several items.

Nobody is killed, so every item comes to its end exactly once, and the items of a key keep their order.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from connector.kafka.commit_metadata import SURE_BITS
from connector.model import ACCEPTED, Limits, Outcome
from tests.component.doubles import DOWN, ERROR_500, REFUSED, Log, Request
from tests.component.harness import Harness

PLACES = [("users", 0), ("users", 1), ("orders", 0)]
LIVES, TOGETHER = 240, 20


class Life:
    """One log, one vendor, two members at most; everything that is drawn comes from one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.log = Log()
        self.members: list[Harness] = []
        self.past: list[Harness] = []
        self.holder: dict[tuple[str, int], Harness] = {}
        self.accepted: list[tuple[str, int, int, str, int, bytes | None]] = []
        self.failing = 0.0
        self.lists = self.dice.choice([0.0, 0.2, 0.6])  # the share of routes that take lists
        self.longest = self.dice.choice([100, 100, 1_000])
        self.peace = False

    # --- the world

    def answer(self, request: Request) -> Outcome:
        if any(b"bad" in item.body for item in request.items):
            return REFUSED
        if not self.peace and self.dice.random() < self.failing:
            return self.dice.choice([DOWN, ERROR_500])
        for item in request.items:
            record = item.record
            self.accepted.append((record.topic, record.partition, record.offset, item.route, item.element, record.key))
        return ACCEPTED

    def produce(self) -> None:
        dice = self.dice
        for _ in range(dice.randint(0, 40)):
            topic, partition = dice.choice(PLACES)
            words = dice.choices([b"a", b"b:customEvent", b"skip", b"bad", b"undecodable"], [60, 30, 5, 2, 3],
                                 k=dice.choice([1, 1, 2, 2, 3, 8, 40]))  # fmt: skip
            words = [self.elements() if dice.random() < self.lists else word for word in words]
            if b"undecodable" in words:
                words = [b"undecodable"]
            key = dice.choice([None, b"hot", b"hot", *(b"%d" % number for number in range(6))])
            named = None if key is None else b"%s/%d/%s" % (topic.encode(), partition, key)
            self.log.append(named, b" ".join(words), topic=topic, partition=partition, gap=dice.choice([0, 0, 0, 3]))

    def elements(self) -> bytes:
        """A word of which a route with `each` makes an item for every element."""
        count = self.dice.choice([0, 1, 1, 2, 3, 5, 20, self.longest])
        if count == self.longest:  # once a life: it takes as long as everything else together
            self.longest = 30
        share = self.dice.choice([0.0, 0.05, 0.5])
        bad = [b"bad", b"bad", b"unmappable"]
        elements = [self.dice.choice(bad) if self.dice.random() < share else b"a" for _ in range(count)]
        return b"+".join([*elements, b""]) or b"+"

    def join(self) -> None:
        dice = self.dice
        member = Harness(
            self.log,
            limits=Limits(max_events=dice.choice([1, 2, 5]), max_bytes=1000),
            max_in_flight=dice.choice([1, 2, 8]),
            drain=dice.choice([3.0, 20.0]),
            timeout=2.0,
            max_open_events=dice.choice([50, 20_000]),
            places=(),
        )
        member.source.CHUNK = dice.choice([3, 50, 500])
        member.vendor.latency = dice.choice([0.01, 0.3, 1.9])
        member.vendor.answer = self.answer
        self.members.append(member)

    # --- what happens

    async def live(self) -> None:
        self.join()
        self.give(*PLACES)
        for _ in range(self.dice.randint(5, 25)):
            await self.step(
                self.dice.choice(["wait", "wait", "produce", "produce", "fail", "join", "move", "move", "stop"])
            )
        self.peace = True
        if not self.members:
            self.join()
        self.give(*(place for place in PLACES if place not in self.holder))
        for member in self.members:
            member.vendor.latency = 0.01
            await member.settled()

    async def step(self, what: str) -> None:
        dice = self.dice
        if what == "wait":
            await asyncio.sleep(dice.choice([0.0, 0.05, 0.3, 2.0, 30.0]))
        elif what == "produce":
            self.produce()
        elif what == "fail":
            self.failing = dice.choice([0.0, 0.1, 0.5, 1.0])
        elif what == "join" and len(self.members) < 2:
            self.join()
        elif what == "move" and self.holder:
            place = dice.choice(sorted(self.holder))
            await self.holder.pop(place).source.revoke(place)
            self.give(place)
        elif what == "stop" and self.members:
            await self.stop(dice.choice(self.members))

    def give(self, *places: tuple[str, int]) -> None:
        for place in places:
            if self.members:
                self.holder[place] = self.dice.choice(self.members)
                self.holder[place].source.assign(place)

    async def stop(self, member: Harness) -> None:
        left = [place for place, holder in self.holder.items() if holder is member]
        assert await member.pipeline.stop(asyncio.get_running_loop().time() + member.pipeline._limits.drain)
        self.members.remove(member)
        self.past.append(member)
        for place in left:
            del self.holder[place]
        if not self.members and self.dice.random() < 0.7:
            self.join()
        self.give(*(place for place in PLACES if place not in self.holder))

    # --- what must hold

    def check(self) -> None:
        everyone = [*self.members, *self.past]
        for member in everyone:
            member.check_balance()
            assert (member.stats.late, member.stats.not_in_metadata) == (0, 0)
        for member in self.members:
            member.check_accounts()
        ends = Counter[Any]((place[:3], *place[3:5]) for place in self.accepted)
        for member in everyone:
            ends.update(member.topic.identities())
        assert ends == Counter(self.due())
        letters = Counter[Any]()
        for member in everyone:
            letters.update(member.topic.pairs())
        assert set(letters.values()) <= {1}, "an event has two letters of one route"
        last: dict[bytes, tuple[int, int, int]] = {}
        for _, _, offset, route, element, key in self.accepted:
            if key is not None:
                at = (offset, int(route.removeprefix("route")), element)
                assert last.get(key, (-1, -1, -1)) < at, f"{key!r}: {at} came after {last[key]}"
                last[key] = at

    def due(self) -> Iterator[Any]:
        for records in self.log.records.values():
            for record in records:
                for number, word in enumerate((record.value or b"").split()):
                    place, route = (record.topic, record.partition, record.offset), f"route{number}"
                    if b"+" in word:
                        yield from ((place, route, at) for at, _ in enumerate(filter(None, word.split(b"+")), 1))
                    elif word != b"skip":
                        yield place, None if word == b"undecodable" else route, 0

    async def end(self) -> None:
        for member in (*self.members, *self.past):
            await member.end()


@pytest.mark.parametrize("first", range(0, LIVES, TOGETHER))
async def test_whatever_happens_nothing_is_lost_and_nothing_comes_twice(
    monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    for seed in range(first, first + TOGETHER):
        life = Life(seed)
        # What a commit can tell is drawn too, so that records wait for room in it.
        monkeypatch.setattr("connector.delivery.offsets.SURE_BITS", life.dice.choice([SURE_BITS, 3_000, 300]))
        try:
            await life.live()
            life.check()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            await life.end()
