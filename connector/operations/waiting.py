"""Why there is lag: what a sink waits for, the heaviest cause first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from connector.delivery.gate import GateState
from connector.operations.view import SinkView


class Cause(StrEnum):
    """What a sink can wait for, what stops everything first."""

    KAFKA = "kafka"
    ASSIGNMENT = "assignment"
    UNCONFIRMED = "unconfirmed"
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


class Wait(NamedTuple):
    """One thing a sink waits for, in a sentence for people."""

    cause: Cause
    detail: str


_GATE = {
    GateState.HELD: (Cause.HELD, "A secret is missing: {}"),
    GateState.MISCONFIGURED: (Cause.MISCONFIGURED, "The vendor refuses our credentials or address: {}"),
    GateState.FLOODED: (Cause.FLOODED, "Too many events are refused, so one a minute is tried: {}"),
    GateState.CLOSED: (Cause.GATE_CLOSED, "The vendor fails, so only a probe goes now and then: {}"),
}


def waits(view: SinkView) -> list[Wait]:
    """Everything this sink waits for; never empty. The first is the main cause."""
    found = [*_what_stops_all(view), *_what_slows(view)]
    if found:
        return found
    if view.lag_events:
        return [Wait(Cause.READING, f"{view.lag_events:,} events are still to be fetched from Kafka")]
    if not view.partitions:
        return [Wait(Cause.NOTHING_TO_READ, "Other members of the group hold all partitions")]
    return [Wait(Cause.NOTHING_TO_READ, "Every event that was read is settled")]


def _what_stops_all(view: SinkView) -> Iterator[Wait]:
    if view.kafka_trouble:
        yield Wait(Cause.KAFKA, f"Kafka cannot be read: {view.kafka_trouble}")
    if not view.joined:
        yield Wait(Cause.ASSIGNMENT, "The group has not assigned any partitions yet")
    elif view.state is GateState.UNCONFIRMED:
        yield Wait(Cause.UNCONFIRMED, "The polling thread has not confirmed after a stall that the partitions are ours")
    if view.state in _GATE:
        cause, sentence = _GATE[view.state]
        yield Wait(cause, sentence.format(view.reason))
    if view.shut_for > 0:
        yield Wait(Cause.RETRY_AFTER, f"The vendor asked for a pause: {view.shut_for:.0f} s are left of it")
    if view.letter_trouble:
        yield Wait(Cause.DEAD_LETTER_TOPIC, f"{view.letters:,} dead letters cannot be written: {view.letter_trouble}")


def _what_slows(view: SinkView) -> Iterator[Wait]:
    """What an open gate waits for; nothing of this matters while the gate is not open."""
    if view.state is not GateState.OPEN:
        return
    full = view.requests >= view.window
    if view.slot_in and view.unsent and not full:
        yield Wait(Cause.RATE_LIMIT, f"{view.unsent:,} events wait for their turn under the configured rate")
    if view.retrying:
        yield Wait(
            Cause.RETRYING, f"{view.retrying:,} events of {view.batches_retrying:,} failed requests are tried again"
        )
    if view.requests and (full or not view.unsent):
        yield Wait(
            Cause.VENDOR_LATENCY,
            f"{view.requests:,} of {view.window:,} requests wait for the vendor's answer",
        )
    # A place is free and nothing can be packed, yet events wait: their keys are in a batch under way.
    if not full and view.longest_wait and view.packed_in is None:
        yield Wait(Cause.HOT_KEY, f"{view.longest_wait:,} events of one key wait for that key's batch under way")
    if view.packed_in and not full:
        yield Wait(Cause.LINGER, f"A batch fills for {view.packed_in * 1000:.0f} ms more")
    if view.letters and not view.letter_trouble:
        yield Wait(Cause.DEAD_LETTER_REPORT, f"{view.letters:,} dead letters wait for the brokers' confirmation")
