"""What a sink waits for, the heaviest cause first, as sentences and as the word for its state. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from connector.delivery.gate import SinkState
from connector.operations.formatting import counted
from connector.operations.snapshot import SinkSnapshot


class WaitReason(StrEnum):
    """What a sink can wait for, what stops everything first."""

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


# The state of a sink as a word, and how grave it is: good, warn or bad.
_STATES = {
    WaitReason.KAFKA: ("Kafka unreachable", "bad"),
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
    """One thing a sink waits for, in a sentence for people."""

    cause: WaitReason
    detail: str


_GATE = {
    SinkState.ON_HOLD: (WaitReason.HELD, "A secret is missing: {}"),
    SinkState.MISCONFIGURED: (WaitReason.MISCONFIGURED, "The vendor refuses our credentials or address: {}"),
    SinkState.FLOODED: (WaitReason.FLOODED, "Too many events fail, so one a minute is tried: {}"),
    SinkState.DOWN: (WaitReason.GATE_CLOSED, "The vendor fails, so only a probe goes now and then: {}"),
}


def state(cause: WaitReason) -> tuple[str, str]:
    """The word for a sink whose main wait is this, and how grave that is."""
    return _STATES.get(cause, _DELIVERING)


def wait_reasons(view: SinkSnapshot) -> list[Wait]:
    """Everything this sink waits for; never empty. The first is the main cause."""
    found = [*_what_stops_all(view), *_what_slows(view)]
    if found:
        return found
    if view.lag_events:
        return [Wait(WaitReason.READING, f"{counted(view.lag_events, 'event')} still to be fetched from Kafka")]
    if not view.partitions:
        return [Wait(WaitReason.NOTHING_TO_READ, "Other members of the group hold all partitions")]
    return [Wait(WaitReason.NOTHING_TO_READ, "Every event that was read is settled")]


def _what_stops_all(view: SinkSnapshot) -> Iterator[Wait]:
    if view.kafka_trouble:
        yield Wait(WaitReason.KAFKA, f"Kafka cannot be read: {view.kafka_trouble}")
    if not view.joined:
        yield Wait(WaitReason.ASSIGNMENT, "The group has not assigned any partitions yet")
    elif view.state is SinkState.UNCONFIRMED:
        yield Wait(
            WaitReason.UNCONFIRMED, "The polling thread has not confirmed after a stall that the partitions are ours"
        )
    for standing in view.standing:
        at = f"{standing.topic}/{standing.partition}" + ("" if standing.offset is None else f"/{standing.offset}")
        yield Wait(WaitReason.UNREADABLE, f"The partition stands: the record at {at} cannot be read: {standing.why}")
    if view.state in _GATE:
        cause, sentence = _GATE[view.state]
        yield Wait(cause, sentence.format(view.reason))
    if view.shut_for > 0:
        yield Wait(WaitReason.RETRY_AFTER, f"The vendor asked for a pause, which ends in {view.shut_for:.0f} s")
    if view.letter_trouble:
        yield Wait(
            WaitReason.DEAD_LETTER_TOPIC,
            f"{counted(view.letters, 'dead letter')} cannot be written: {view.letter_trouble}",
        )


def _what_slows(view: SinkSnapshot) -> Iterator[Wait]:
    """What an open gate waits for; nothing of this matters while the gate is not open."""
    if view.state is not SinkState.SENDING:
        return
    full = view.requests >= view.window
    if view.slot_in and view.unsent and not full:
        yield Wait(WaitReason.RATE_LIMIT, f"The configured rate keeps {counted(view.unsent, 'event')} waiting")
    if view.retrying:
        failed = counted(view.batches_retrying, "failed request")
        yield Wait(WaitReason.RETRYING, f"{counted(view.retrying, 'event')} of {failed} will be tried again")
    if view.requests and (full or not view.unsent):
        asked = counted(view.requests, "request")
        yield Wait(
            WaitReason.VENDOR_LATENCY, f"The vendor has yet to answer {asked}; at most {view.window:,} go at once"
        )
    # A place is free and nothing can be packed, yet events wait: their keys are in a batch under way.
    if not full and view.longest_wait and view.packed_in is None:
        yield Wait(
            WaitReason.HOT_KEY, f"One key has {counted(view.longest_wait, 'event')} waiting for its batch under way"
        )
    if view.packed_in and not full:
        yield Wait(WaitReason.LINGER, f"A batch fills for {view.packed_in * 1000:.0f} ms more")
    if view.letters and not view.letter_trouble:
        yield Wait(
            WaitReason.DEAD_LETTER_REPORT, f"The brokers have yet to confirm {counted(view.letters, 'dead letter')}"
        )
