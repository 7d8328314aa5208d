"""Whatever a topic holds, nothing ends in a traceback, what is good is delivered, and the rest is kept.

Hundreds of hostile records, drawn by lot, lie in the source topic, the dead-letter topic and that of the receipts; then
the service runs, and every command that reads topics.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # `admin` offers it without exporting it

from connector.kafka.dead_letter import DeadLetter, failed_record, read_letter
from connector.kafka.topic_reader import TopicReader
from connector.model import Reason, Record
from tests.support.dead_letters import Desk, Ended, ended
from tests.support.hostile import ANY_TIME, LETTER_LIMIT, Hostile, draw, write
from tests.support.topics import TopicFactory

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

SEED = 15
PARTITIONS = 3
EVENTS, LETTERS, RECEIPTS = 360, 72, 72
FIELDS = {"customUserId": "id", "customEventName": "name", "customEventParams": {"at": "timestamp()"}}


class Scene:
    """The three topics and what was written to them."""

    def __init__(self, desk: Desk, topics: TopicFactory, admin: AdminClient) -> None:
        desk.events = topics(PARTITIONS, ANY_TIME, "events")
        desk.letters = topics(1, ANY_TIME | {"max.message.bytes": str(LETTER_LIMIT)}, "letters")
        desk.receipts = f"{desk.letters}.receipts"
        receipts = NewTopic(desk.receipts, 1, -1, config={"cleanup.policy": "compact", **ANY_TIME})
        admin.create_topics([receipts])[desk.receipts].result(20)
        self.desk = desk
        self.events = draw(SEED, desk.events, PARTITIONS, EVENTS)
        self.foreign = draw(SEED + 1, desk.letters, 1, LETTERS)
        write(desk.broker.bootstrap, self.events)
        write(desk.broker.bootstrap, self.foreign)
        write(desk.broker.bootstrap, draw(SEED + 2, desk.receipts, 1, RECEIPTS, keyed=True))
        self.config = desk.write(desk.settings(FIELDS))

    @property
    def good(self) -> list[Hostile]:
        """The events that are delivered."""
        return [each for each in self.events if each.user is not None and not each.damage]

    @property
    def bad(self) -> dict[tuple[int, int], Hostile]:
        """What becomes a dead letter, by its place."""
        good = {each.place for each in self.good}
        return {e.place: e for e in self.events if e.place not in good and e.record.value is not None}

    async def run(self, *arguments: str, expect: Sequence[int]) -> Ended:
        """Run a command of the connector to its end, which must be one of these statuses and no traceback."""
        end = await ended(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "connector", *arguments, "--config", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
        assert "Traceback" not in end.err, end.err
        assert end.status in expect, (arguments, end.status, end.out[-2_000:], end.err[-2_000:])
        return end

    async def serve(self) -> None:
        """Run the service until all is settled; it ends with 0 and has logged no traceback."""
        await self.desk.deliver(self.desk.settings(FIELDS), len(self.good) + len(self.bad), seconds=30)
        for log in self.desk.directory.glob("service-*/connector.log"):
            assert "Traceback" not in log.read_text()

    def letters(self) -> list[tuple[DeadLetter, Record]]:
        """The dead letters with the records that they are of; the foreign records lie before them."""
        conf = {"bootstrap.servers": self.desk.broker.bootstrap}
        with TopicReader(conf, self.desk.letters) as reader:
            records = [record for chunk in reader.read() for record in chunk if record.offset >= LETTERS]
        found = []
        for record in records:
            letter = read_letter(record)
            assert letter is not None
            found.append((letter, failed_record(letter, record)))
        return found


@pytest.fixture
def scene(desk: Desk, topic_factory: TopicFactory, admin: AdminClient) -> Scene:
    return Scene(desk, topic_factory, admin)


async def test_everything_good_is_delivered_and_everything_else_kept(scene: Scene) -> None:
    await scene.serve()
    assert scene.desk.accepted() == Counter(each.user for each in scene.good)
    letters = scene.letters()
    assert Counter((letter.partition, letter.offset) for letter, _ in letters) == Counter(scene.bad.keys())
    for letter, record in letters:
        written = scene.bad[letter.partition, letter.offset]
        assert (record.key, record.value) == (written.record.key, written.record.value)
        assert record.headers == written.headers
        if written.record.timestamp > 0:
            assert record.timestamp == written.record.timestamp
        if written.damage:
            assert (letter.reason, letter.message) == (Reason.UNDECODABLE, written.damage)
    await _look(scene, letters)
    await _clear_up(scene, letters)


async def _look(scene: Scene, letters: list[tuple[DeadLetter, Record]]) -> None:
    """What reads and writes nothing: several commands at a time."""
    damaged = next(each for each in scene.bad.values() if each.damage)
    far = [letter for letter, record in letters if record.timestamp == 2**63 - 1]
    shown = [letter.place.address(scene.desk.letters) for letter in (letters[0][0], far[0])]
    late = next(e for e in scene.good if e.record.timestamp == 2**63 - 1)
    null = next(each for each in scene.events if each.record.value is None)
    at = f"{scene.desk.events}/{{}}/{{}}"
    summary, exported, *_ = await asyncio.gather(
        scene.run("dlq", "summary", "--json", expect=[0]),
        scene.run("dlq", "export", "--unredacted", expect=[0]),
        scene.run("dlq", "show", at.format(*damaged.place), expect=[0]),
        *(scene.run("dlq", "show", address, "--json", expect=[0]) for address in shown),
        scene.run("dlq", "show", f"{scene.desk.letters}/0/{_damaged(scene.foreign).offset}", expect=[1]),
        scene.run("preview", "--from", at.format(*damaged.place), expect=[1]),
        *(scene.run("preview", "--from", at.format(*each.place), expect=[0]) for each in (late, null)),
        scene.run("check", "--live", "--json", expect=[0]),
    )
    assert (summary.json["open"], summary.json["foreign"]) == (len(letters), LETTERS)
    lines = [json.loads(line) for line in exported.out.splitlines()]
    assert sorted(_raw(line) for line in lines) == sorted(_bytes(record) for _, record in letters)


async def _clear_up(scene: Scene, letters: list[tuple[DeadLetter, Record]]) -> None:
    """A replay sends what can be read of damaged events; then all is discarded."""
    legible = [each.user for each in scene.bad.values() if each.user is not None]
    replayed = await scene.run("dlq", "replay", "--yes", "--json", expect=[1])
    assert replayed.json["accepted"] == len(legible)
    assert scene.desk.accepted() == Counter([*(each.user for each in scene.good), *legible])
    discarded = await scene.run("dlq", "discard", "--because", "foreign", "--yes", "--json", expect=[0])
    assert discarded.json == {"discarded": len(letters) - len(legible)}
    summary = await scene.run("dlq", "summary", "--json", expect=[0])
    assert (summary.json["open"], summary.json["foreign"]) == (0, LETTERS)


def _damaged(drawn: Sequence[Hostile]) -> Hostile:
    return next(each for each in drawn if each.damage)


def _raw(line: dict[str, Any]) -> str:
    return repr((line["key_base64"], line["value_base64"], line["headers_base64"]))


def _bytes(record: Record) -> str:
    def text(value: bytes | None) -> str | None:
        return None if value is None else base64.b64encode(value).decode()

    headers = [[name, text(value)] for name, value in record.headers]
    return repr((text(record.key), text(record.value), headers))
