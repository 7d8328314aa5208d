"""Checks the dead-letter and receipts topics: may we write them, and is there room for every dead letter?

No record is produced for this: the brokers say which operations our user may do on a topic.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaError

from connector.kafka.topic_configs import POLICY, policy_command
from connector.operations.formatting import counted, duration, size
from connector.service.preflight.findings import Finding, Severity
from connector.service.preflight.topics import TopicFacts, undescribed_finding
from connector.settings.values import Settings

SECTION = "dead letters"
# More than the headers that a letter adds to its record can take, in bytes.
LETTER_MARGIN = 64 * 1024


def letter_findings(
    settings: Settings, conf: Mapping[str, Any], facts: Mapping[str, TopicFacts], sources: Collection[TopicFacts]
) -> Iterator[Finding]:
    """Yield findings on the dead-letter and receipts topics. `sources` are the topics that are read."""
    letters = facts[settings.dead_letters]
    if letters.error is not None:
        yield undescribed_finding(SECTION, letters, "DESCRIBE, READ and WRITE")
    else:
        yield _writing(letters)
        yield from _compaction(letters, conf)
        yield _room(letters, sources)
    yield _receipts(facts[settings.receipts])


def _writing(letters: TopicFacts) -> Finding:
    if "WRITE" not in letters.operations:
        todo = f"allow WRITE (and READ, for replays) on topic {letters.name}"
        return Finding(SECTION, letters.name, Severity.FAIL, "may not be written: every dead letter would block", todo)
    kept = "" if letters.retention is None else f", kept for {duration(letters.retention)}"
    says = f"{counted(letters.partitions, 'partition')}{kept}; may be written (going by our user's rights)"
    return Finding(SECTION, letters.name, Severity.OK, says, data={"retention_seconds": letters.retention})


def _compaction(letters: TopicFacts, conf: Mapping[str, Any]) -> Iterator[Finding]:
    policy = "" if letters.settings is None else letters.settings[POLICY]  # not shown to us: `_room` says so
    if "compact" in policy:
        says = f"cleanup.policy is {policy}: of letters with one key only the last is kept, and `run` refuses that"
        todo = f"run {policy_command(conf, letters.name, 'delete')}"
        yield Finding(SECTION, "compaction", Severity.FAIL, says, todo)


def _room(letters: TopicFacts, sources: Collection[TopicFacts]) -> Finding:
    sizes = {fact.name: fact.max_message_bytes for fact in sources}
    hidden = [name for name, limit in [*sizes.items(), (letters.name, letters.max_message_bytes)] if limit is None]
    known = {name: limit for name, limit in sizes.items() if limit is not None}
    room = letters.max_message_bytes
    if known and room is not None:
        largest = max(known, key=lambda name: known[name])
        needed = known[largest] + LETTER_MARGIN
        data = {"max_message_bytes": room, "needed": needed}
        if room < needed:
            says = f"max.message.bytes is {room:,}: an event of {largest} of up to {known[largest]:,} would block"
            todo = f"set max.message.bytes={needed} on topic {letters.name} (and let replicas fetch it)"
            return Finding(SECTION, "room", Severity.FAIL, says, todo, data)
        if not hidden:
            return Finding(
                SECTION, "room", Severity.OK, f"for the largest event and its headers ({size(room)})", data=data
            )
    if room is not None and not hidden:
        return Finding(SECTION, "room", Severity.OK, f"max.message.bytes is {size(room)}; no topic is read yet")
    todo = f"allow DESCRIBE_CONFIGS on {', '.join(hidden[:3])}"
    return Finding(SECTION, "room", Severity.WARN, "not known: max.message.bytes is not shown to us", todo)


def _receipts(receipts: TopicFacts) -> Finding:
    if receipts.error == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return Finding(SECTION, receipts.name, Severity.OK, "not there yet: the first replay makes it")
    if receipts.error == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        todo = f"allow CREATE, DESCRIBE, READ and WRITE on topic {receipts.name} to whoever replays"
        return Finding(SECTION, receipts.name, Severity.WARN, "is not shown to us: replays would fail", todo)
    if receipts.error is not None:
        return undescribed_finding(SECTION, receipts, "DESCRIBE, READ and WRITE")
    policy = None if receipts.settings is None else receipts.settings["cleanup.policy"]
    if policy not in (None, "compact"):
        says = f"cleanup.policy is {policy}: what was replayed would be forgotten, and sent again"
        return Finding(
            SECTION, receipts.name, Severity.FAIL, says, f"set cleanup.policy=compact on topic {receipts.name}"
        )
    return Finding(SECTION, receipts.name, Severity.OK, counted(receipts.partitions, "partition"))
