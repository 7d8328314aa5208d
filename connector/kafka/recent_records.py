"""Reads what was written to a topic in the last minutes, for a count that a restart must not begin afresh. Blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connector.kafka.topic_reader import SILENCE_SECONDS, ReaderClient
from connector.model import Record

# How long one question to the brokers may take: a request to stop is heard after that.
ASK_SECONDS = 2.0
ASK_AGAIN_SECONDS = 0.5
# What no waiting mends.
_REFUSED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)

_Taken = TypeVar("_Taken")


@dataclass(frozen=True, slots=True)
class RecentRecords(Generic[_Taken]):
    """What was made of the records; `missing` says why some are missing, "" if none is."""

    taken: Sequence[_Taken]
    missing: str


def read_since(
    conf: Mapping[str, Any],
    topic: str,
    since: float,
    take: Callable[[Record], _Taken | None],
    stop_requested: Callable[[], bool] = lambda: False,
) -> RecentRecords[_Taken]:
    """Return what `take` makes of the records written to a topic from `since` (seconds since the epoch) to now.

    Takes as long as that takes: brokers that do not answer, or refuse our password, are asked until `stop_requested`,
    each time with the credentials that `conf` has by then. It ends early where they refuse us the topic, or answer and
    then give nothing for SILENCE_SECONDS. Nothing is missing where the topic does not exist.
    """
    client = ReaderClient(conf, "connector.recent-letters")
    taken: list[_Taken] = []
    missing = ""
    try:
        starts, ends = _ask_for_bounds(client, topic, since, stop_requested)
        for chunk in client.read(starts, ends, stop_requested):
            taken += (each for record in chunk if (each := take(record)) is not None)
    except KafkaException as error:
        missing = client.why(error)
    except TimeoutError:
        missing = f"the brokers have sent nothing for {SILENCE_SECONDS:g} s"
    finally:
        client.consumer.close()
    return RecentRecords(taken, "the process stops" if stop_requested() else missing)


def _ask_for_bounds(
    client: ReaderClient, topic: str, since: float, stop_requested: Callable[[], bool]
) -> tuple[list[TopicPartition], Mapping[int, int]]:
    """Return where to begin in the partitions that have such records, and where these end. Raises KafkaException."""
    answered_at: float | None = None
    while not stop_requested():
        try:
            partitions = client.partitions(topic, ASK_SECONDS) or ()
            answered_at = answered_at or time.monotonic()
            return _bounds(client, topic, partitions, since)
        except KafkaException as error:
            silent = answered_at is not None and time.monotonic() - answered_at > SILENCE_SECONDS
            if silent or error.args[0].code() in _REFUSED:
                raise
        client.renew_credentials()
        time.sleep(ASK_AGAIN_SECONDS)
    return [], {}


def _bounds(
    client: ReaderClient, topic: str, partitions: Sequence[int], since: float
) -> tuple[list[TopicPartition], Mapping[int, int]]:
    times = [TopicPartition(topic, partition, int(since * 1000)) for partition in partitions]
    found = client.consumer.offsets_for_times(times, timeout=ASK_SECONDS) if times else []
    for each in found:
        if each.error is not None:
            raise KafkaException(each.error)
    starts = [each for each in found if each.offset >= 0]
    ends = {each.partition: client.watermarks(topic, each.partition, ASK_SECONDS)[1] for each in starts}
    return [each for each in starts if each.offset < ends[each.partition]], ends
