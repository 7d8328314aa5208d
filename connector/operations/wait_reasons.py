"""Why a sink waits, the main cause first, as sentences and as one word for its state. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from connector.delivery.gate import SinkState
from connector.operations.formatting import counted
from connector.operations.snapshot import SinkSnapshot


class WaitReason(StrEnum):
    """The causes for which a sink can wait; those that stop everything come first."""

    KAFKA = "kafka"
    ASSIGNMENT = "assignment"
    UNCONFIRMED = "unconfirmed"
    UNREADABLE = "unreadable"
    HELD = "held"
    MISCONFIGURED = "misconfigured"
    FLOODED = "flooded"
    GATE_CLOSED = "gate_closed"
    RETRY_AFTER = "retry_after"
    DEAD_LETTER_TOPIC = "dead_letter_topic"
    RATE_LIMIT = "rate_limit"
    RETRYING = "retrying"
    VENDOR_LATENCY = "vendor_latency"
    HOT_KEY = "hot_key"
    LINGER = "linger"
    DEAD_LETTER_REPORT = "dead_letter_report"
    READING = "reading"
    NOTHING_TO_READ = "nothing_to_read"


# The word for a sink's state by its main cause, and how grave that is: good, warn or bad.
_STATES = {
    WaitReason.KAFKA: ("Kafka cannot be read", "bad"),
    WaitReason.ASSIGNMENT: ("Joining", "warn"),
    WaitReason.UNCONFIRMED: ("Assignment in doubt", "warn"),
    WaitReason.UNREADABLE: ("A record cannot be read", "bad"),
    WaitReason.HELD: ("Secret missing", "bad"),
    WaitReason.MISCONFIGURED: ("Misconfigured", "bad"),
    WaitReason.FLOODED: ("Held by the flood guard", "bad"),
    WaitReason.GATE_CLOSED: ("Vendor down", "bad"),
    WaitReason.RETRY_AFTER: ("Paused by the vendor", "warn"),
    WaitReason.DEAD_LETTER_TOPIC: ("Dead letters blocked", "bad"),
    WaitReason.RETRYING: ("Retrying", "warn"),
    WaitReason.NOTHING_TO_READ: ("Up to date", "good"),
}
_DELIVERING = ("Delivering", "good")


class Wait(NamedTuple):
    """One cause, and a sentence for people."""

    cause: WaitReason
    detail: str


_GATE = {
    SinkState.SECRET_MISSING: (WaitReason.HELD, "A secret is missing: {}"),
    SinkState.MISCONFIGURED: (WaitReason.MISCONFIGURED, "The vendor refuses our credentials or address: {}"),
    SinkState.FLOODED: (WaitReason.FLOODED, "Too many events fail, so one a minute is tried: {}"),
    SinkState.DOWN: (WaitReason.GATE_CLOSED, "The vendor fails, so only a probe goes now and then: {}"),
}


def state(cause: WaitReason) -> tuple[str, str]:
    """Return the word for the state of a sink with this main cause, and how grave it is."""
    return _STATES.get(cause, _DELIVERING)


def wait_reasons(sink: SinkSnapshot) -> list[Wait]:
    """Return all that the sink waits for, the main cause first; never empty."""
    found = [*_stopping_causes(sink), *_delaying_causes(sink)]
    if found:
        return found
    if sink.lag_events:
        return [Wait(WaitReason.READING, f"{counted(sink.lag_events, 'event')} still to be fetched from Kafka")]
    if not sink.partitions:
        return [Wait(WaitReason.NOTHING_TO_READ, "Other members of the group hold all partitions")]
    return [Wait(WaitReason.NOTHING_TO_READ, "Every event that was read is settled")]


def _stopping_causes(sink: SinkSnapshot) -> Iterator[Wait]:
    if sink.kafka_trouble and not sink.reads_other_topics:
        yield Wait(WaitReason.KAFKA, f"Kafka cannot be read: {sink.kafka_trouble}")
    if not sink.joined:
        yield Wait(WaitReason.ASSIGNMENT, "The group has not assigned any partitions yet")
    elif sink.state is SinkState.UNCONFIRMED:
        yield Wait(
            WaitReason.UNCONFIRMED, "The polling thread has not confirmed after a stall that the partitions are ours"
        )
    for standing in sink.standing:
        at = f"{standing.topic}/{standing.partition}" + ("" if standing.offset is None else f"/{standing.offset}")
        yield Wait(WaitReason.UNREADABLE, f"The partition stands: the record at {at} cannot be read: {standing.why}")
    if sink.state in _GATE:
        cause, sentence = _GATE[sink.state]
        yield Wait(cause, sentence.format(sink.reason))
    if sink.shut_for > 0:
        yield Wait(WaitReason.RETRY_AFTER, f"The vendor asked for a pause, which ends in {sink.shut_for:.0f} s")
    if sink.letter_trouble:
        yield Wait(
            WaitReason.DEAD_LETTER_TOPIC,
            f"{counted(sink.letters, 'dead letter')} cannot be written: {sink.letter_trouble}",
        )
    if sink.kafka_trouble and sink.reads_other_topics:  # stops a part only: what stops all comes before it
        yield Wait(WaitReason.KAFKA, f"Some topics cannot be read: {sink.kafka_trouble}")


def _delaying_causes(sink: SinkSnapshot) -> Iterator[Wait]:
    """Yield what delays a sink that is sending; none of this matters while it is not."""
    if sink.state is not SinkState.SENDING:
        return
    if sink.restoring:
        yield Wait(WaitReason.READING, "Recent dead letters are still being read, by which the flood guard counts")
    full = sink.requests >= sink.window
    if sink.slot_in and sink.unsent and not full:
        yield Wait(WaitReason.RATE_LIMIT, f"The configured rate keeps {counted(sink.unsent, 'event')} waiting")
    if sink.retrying:
        failed = counted(sink.batches_retrying, "failed request")
        yield Wait(WaitReason.RETRYING, f"{counted(sink.retrying, 'event')} of {failed} will be tried again")
    if sink.requests and (full or not sink.unsent):
        asked = counted(sink.requests, "request")
        yield Wait(
            WaitReason.VENDOR_LATENCY, f"The vendor has yet to answer {asked}; at most {sink.window:,} go at once"
        )
    # A slot is free and no batch can be filled, yet events wait: their keys are in a batch in flight.
    if not full and sink.longest_wait and sink.packed_in is None:
        yield Wait(
            WaitReason.HOT_KEY, f"One key has {counted(sink.longest_wait, 'event')} waiting for its batch under way"
        )
    if sink.packed_in and not full:
        yield Wait(WaitReason.LINGER, f"A batch fills for {sink.packed_in * 1000:.0f} ms more")
    if sink.letters and not sink.letter_trouble:
        yield Wait(
            WaitReason.DEAD_LETTER_REPORT, f"The brokers have yet to confirm {counted(sink.letters, 'dead letter')}"
        )
