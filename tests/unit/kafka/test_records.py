"""Whatever a topic holds becomes a record: on the mock cluster, written by a producer that refuses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from connector.kafka import librdkafka
from connector.kafka.records import CUT, MAX_HEADERS, NOT_UTF8, _legible, record_of
from connector.model import Record
from connector.simulators.kafka import MockKafka
from tests.support.foreign import ForeignProducer, ForeignRecord

Raw = tuple[tuple[bytes, bytes | None], ...]
LONG = "имя" * 5_000  # 30,000 bytes


class Log:
    """A topic with one partition: what is written to it is read back."""

    def __init__(self, bootstrap: str, producer: ForeignProducer) -> None:
        self._producer = producer
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "fetch.wait.max.ms": 10})
        self._end = 0

    def __call__(self, *records: ForeignRecord) -> list[Record]:
        self._producer.write([record._replace(topic="log") for record in records])
        begin, self._end = self._end, self._end + len(records)
        self._consumer.assign([TopicPartition("log", 0, begin)])
        messages: list[Message] = []
        while len(messages) < len(records):
            messages += self._consumer.consume(len(records) - len(messages), 0.05)
        return [record_of(message) for message in messages]

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture(scope="module")
def read() -> Iterator[Log]:
    with MockKafka() as cluster:
        cluster.create_topic("log", 1)
        with ForeignProducer({"bootstrap.servers": cluster.bootstrap}) as producer:
            log = Log(cluster.bootstrap, producer)
            yield log
            log.close()


def with_headers(*found: Raw) -> list[ForeignRecord]:
    return [ForeignRecord("", key=b"\xff\0", value=b"value", headers=each) for each in found]


@pytest.mark.parametrize(
    ("written", "legible"),
    [
        (((b"\xff", b"x"),), ()),
        (((b"a", b"1"), (b"\xc3", None), (b"b", b""), (b"\xed\xa0\x80", b"2"), (b"c", None)), "abc"),
        (((b"a", b"1"), (b"a\0\xff", b"2"), (b"b\xff\0", b"3")), "aa"),
    ],
    ids=["the only one", "some of them", "with a NUL beside"],
)
def test_what_lies_beside_a_name_that_is_not_utf8_is_kept(read: Log, written: Raw, legible: str) -> None:
    (record,) = read(*with_headers(written))
    assert (record.key, record.value, record.damage) == (b"\xff\0", b"value", NOT_UTF8)
    assert [name for name, _ in record.headers] == list(legible)
    assert [value for _, value in record.headers] == [value for name, value in written if name[:1] in b"abc"][
        : len(legible)
    ]


def test_damage_is_found_however_warm_the_code_is(read: Log) -> None:
    """The interpreter adapts to a call that it sees often, and then leaves out the check of what it returns."""
    good, foreign, cut = ((b"a", b"1"),), ((b"\xff", b"1"),), ((b"a\0b", b"1"),)
    records = read(*with_headers(*((good,) * 9 + (foreign, (), cut)) * 50))
    assert [record.damage for record in records] == ([""] * 9 + [NOT_UTF8, "", CUT]) * 50


@pytest.mark.parametrize(
    ("name", "shown"), [(b"a\0b", "a"), (b"\0", ""), (b"a\0", "a"), (b"a\0" + b"\xff" * 30_000, "a")]
)
def test_a_nul_in_a_name_is_noticed(read: Log, name: bytes, shown: str) -> None:
    beside: Raw = ((b"traceparent", b"x" * 70), (b"n" * 64, None), ("ключ".encode(), b"\0"))
    (record,) = read(*with_headers((*beside, (name, b"1"))))
    assert record.damage == CUT
    assert record.headers == (*((name.decode(), value) for name, value in beside), (shown, b"1"))


@pytest.mark.parametrize(
    "written",
    [
        (),
        ((b"", b""),),
        ((b"", None), (b"", b"\0"), (b"same", b"1"), (b"same", b"2")),
        ((LONG.encode(), LONG.encode()),),
        tuple((b"n" * length, b"v" * length) for length in (1, 63, 64, 65, 8191, 8192, 8193)),
        tuple((f"é{number}".encode(), None) for number in range(1_000)),
    ],
    ids=["none", "nothing in them", "empty names, duplicates", "30,000 bytes", "boundaries of lengths", "a thousand"],
)
def test_headers_that_are_strange_but_right_are_not_damaged(read: Log, written: Raw) -> None:
    (record,) = read(*with_headers(written))
    assert record.headers == tuple((name.decode(), value) for name, value in written)
    assert record.damage == ""


def test_more_headers_than_a_letter_can_hold_are_damage(read: Log) -> None:
    """The client shows a record with more than 100,000 as one without any, and a letter has its own beside."""
    counts = (MAX_HEADERS, MAX_HEADERS + 1, 100_001)
    most, more, beyond = read(*with_headers(*(((b"", None),) * count for count in counts)))
    assert (len(most.headers), most.damage) == (MAX_HEADERS, "")
    assert len(more.headers) == MAX_HEADERS
    assert "99,901 headers" in more.damage
    assert (beyond.headers, beyond.damage) == ((), "")  # nothing tells


@pytest.mark.parametrize("timestamp", [1, 2**63 - 1, -2, -(2**63)])
def test_a_timestamp_is_what_was_written(read: Log, timestamp: int) -> None:
    (record,) = read(ForeignRecord("", timestamp=timestamp))
    assert record.timestamp == timestamp


def test_null_and_empty_are_distinguished(read: Log) -> None:
    records = read(ForeignRecord("", key=None, value=None), ForeignRecord("", key=b"", value=b""))
    assert [(record.key, record.value) for record in records] == [(None, None), (b"", b"")]


@pytest.mark.parametrize("lacking", ["librdkafka", "_address_offset", "_verify_headers"])
def test_a_client_of_another_layout_is_read_without_noticing_nuls(
    monkeypatch: pytest.MonkeyPatch, read: Log, lacking: str
) -> None:
    def another(*_: Any) -> Any:
        raise librdkafka.UnknownLayoutError("another")

    monkeypatch.setattr(librdkafka, lacking, another)
    monkeypatch.setattr("connector.kafka.records.size_of", librdkafka.header_sizes())
    cut, foreign = read(*with_headers(((b"a\0b", b"1"),), ((b"\xff", b"1"), (b"b", b"2"))))
    assert (cut.headers, cut.damage) == ((("a", b"1"),), "")
    assert (foreign.headers, foreign.damage) == ((("b", b"2"),), NOT_UTF8)


def test_that_the_client_is_of_another_layout_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(librdkafka, "_SAMPLES", ((("a", b"1"),),))
    monkeypatch.setattr(librdkafka, "serialised", lambda _: 0)
    monkeypatch.setattr(librdkafka.log, "warning", lambda event, **_: said.append(event))
    monkeypatch.setattr("structlog.is_configured", lambda: True)
    size_of = librdkafka.header_sizes()
    assert [size_of(Message(topic="t", partition=0, offset=0)) for _ in range(3)] == [-1, -1, -1]
    assert len(said) == 1


def test_a_client_that_keeps_no_headers_is_read_without() -> None:
    class Refusing:
        def headers(self) -> Any:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")

    message: Any = Refusing()
    assert _legible(message) == ((), NOT_UTF8)
