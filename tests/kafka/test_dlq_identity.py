"""Which letters are one, and which records are no letters at all, on a real broker."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from connector.kafka import dead_letter as headers
from connector.kafka.dead_letter import compose_letter, fingerprint, read_letter
from connector.kafka.topic_reader import TopicReader
from connector.model import Failure, Headers, Reason, Record, Stage
from tests.support.dead_letters import NEW, OLD, Desk, unmappable
from tests.unit.deadletters.support import message

pytestmark = pytest.mark.kafka

BROUGHT: Headers = (("trace", b"\xff\x00"), ("none", None), ("empty", b""), ("trace", b"again"), ("имя", "да".encode()))


def write(desk: Desk, letters: list[Record]) -> None:
    producer = Producer({"bootstrap.servers": desk.broker.bootstrap})
    for each in letters:
        producer.produce(desk.letters, each.value, each.key, headers=list(each.headers), partition=0)
    assert producer.flush(30) == 0


async def test_a_letters_fingerprint_is_the_same_before_it_is_written_and_after_it_is_read(desk: Desk) -> None:
    failed = [
        Record(desk.events, 0, number, timestamp, key, value, brought)
        for number, (timestamp, key, value, brought) in enumerate(
            [
                (1_700_000_000_000, b"k", b"{}", ()),
                (-1, None, b"x", BROUGHT),
                (0, b"", b"", BROUGHT[1:3]),
                (2**63 - 1, b"\x00", b"\xff", BROUGHT),
            ]
        )
    ]
    written = []
    for each in failed:
        letter = compose_letter(Failure(each, Reason.UNROUTED, Stage.ROUTE, "x"), group="g", sink="s", now=1.0)
        written.append(each._replace(key=letter.key, value=letter.value, headers=tuple(letter.headers)))  # type: ignore[arg-type]
    write(desk, written)
    with TopicReader({"bootstrap.servers": desk.broker.bootstrap}, desk.letters) as reader:
        read = [read_letter(each) for records in reader.read() for each in records]
    assert [each and each.fingerprint for each in read] == [fingerprint(each) for each in failed]


async def test_letters_of_two_lives_of_a_topic_are_both_delivered(desk: Desk) -> None:
    """The topic was deleted and made anew: the same offset, another event."""
    desk.bury(desk.settings(OLD), [unmappable(1)])
    desk.bury(desk.settings(OLD), [unmappable(2)])
    config = str(desk.write(desk.settings(NEW)))
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 2
    assert (await desk.dlq("replay", "--config", config, "--limit", "1", "--json")).json["accepted"] == 1
    assert (await desk.dlq("summary", "--config", config, "--json")).json["open"] == 1
    shown = (await desk.dlq("show", f"{desk.events}/0/0", "--config", config, "--json")).json
    assert sorted(each["state"] for each in shown) == ["open", "replayed"]
    assert (await desk.dlq("replay", "--config", config, "--json")).json["accepted"] == 1
    assert desk.accepted() == {"u1": 1, "u2": 1}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (headers.OFFSET, b"-5"),
        (headers.REPLAYS, b"99999999999"),
        (headers.FAILED_AT, b"10000-01-01T00:00:00+00:00"),
    ],
)
async def test_a_letter_gone_wrong_ends_no_command_and_is_shown_as_none_of_ours(
    desk: Desk, header: str, value: bytes
) -> None:
    good = message(
        Record(desk.events, 0, 0, 1, b"k", b'{"user_id":"u1","name":"n"}', ()), route="mytracker.customEvent"
    )
    wrong = good._replace(headers=tuple((name, value if name == header else of) for name, of in good.headers))
    write(desk, [wrong, good])
    receipts = Producer({"bootstrap.servers": desk.broker.bootstrap})
    config = str(desk.write(desk.settings(NEW)))
    assert (await desk.dlq("discard", "--config", config, "--because", "x", "--sink", "nobody")).status == 0
    for garbage in (b"", b"[]", b'{"what":"replayed","closes":{"-1":99999999999999999999}}', b"\xff"):
        receipts.produce(desk.receipts, garbage, f"{desk.events}/0/0/mytracker/mytracker.customEvent")
    assert receipts.flush(30) == 0
    summary = await desk.dlq("summary", "--config", config, "--json")
    assert summary.status == 0, summary.err
    assert (summary.json["open"], summary.json["foreign"]) == (1, 1)
    shown = await desk.dlq("show", f"{desk.letters}/0/0", "--config", config)
    assert (shown.status, "Traceback" in shown.err) == (1, False)
    assert f"no dead letter of the connector's: header {header} is no " in shown.err
    assert (await desk.dlq("show", f"{desk.letters}/0/1", "--config", config)).status == 0
    assert (await desk.dlq("replay", "--config", config, "--json")).json["accepted"] == 1
    assert desk.accepted() == {"u1": 1}
