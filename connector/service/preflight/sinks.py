"""Checks for one sink: its group, where it would start to read, whether it may, and what retention may delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException

from connector.operations.formatting import counted, duration
from connector.service.preflight.findings import Finding, Severity, sink_section
from connector.service.preflight.members import ConsumerGroup
from connector.service.preflight.positions import Origin, ReadPosition, read_positions
from connector.service.preflight.reading import Read, read_one_each
from connector.service.preflight.topics import TopicFacts
from connector.settings.values import SailPlay, SinkSettings

# "50 requests a second per partner over the whole API, then 429": from public material on SailPlay.
SAILPLAY_RATE = 50.0
# An unread event older than this share of its topic's retention is a warning.
AGE_TO_WARN = 0.5
_READING: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",  # what retention deletes between asking and reading is passed over
    "queued.max.messages.kbytes": 1024,
}


def group_findings(sink: SinkSettings, name: str, group: ConsumerGroup, protocol: str = "classic") -> Iterator[Finding]:
    """Yield findings on the group as its coordinator describes it, and on the rate of all its members together.

    `protocol` is the one that this configuration would use to join.
    """
    section = sink_section(sink.name)
    if group.error:
        todo = f"allow READ on group {name}" if "authorization" in group.error.lower() else "try again"
        mark = Severity.FAIL if "authorization" in group.error.lower() else Severity.WARN
        yield Finding(section, "group", mark, f"{name}: {group.error}", todo)
        return
    if not group.readable:
        yield Finding(section, "group", Severity.FAIL, f"{name} may not be joined", f"allow READ on group {name}")
        return
    says = f"{name}: {counted(group.members, 'member')} now"
    data = {"group": name, "members": group.members, "protocol": group.protocol}
    if group.members and group.protocol not in ("", protocol):
        says += f", by the {group.protocol} protocol; this configuration joins by the {protocol} one"
        todo = "to change group.protocol, stop all instances first: brokers may refuse members of both kinds at once"
        yield Finding(section, "group", Severity.WARN, says, todo, data)
    else:
        yield Finding(section, "group", Severity.OK, says, data=data)
    if isinstance(sink, SailPlay):
        yield _rate(sink, group.members)


def _rate(sink: SailPlay, members: int) -> Finding:
    section, data = sink_section(sink.name), {"members": members, "rate": sink.rate}
    if sink.rate is None:
        todo = f"set sinks.{sink.name}.rate"
        says = f"unlimited: SailPlay answers 429 past {SAILPLAY_RATE:g}/s"
        return Finding(section, "rate", Severity.WARN, says, todo, data)
    processes = max(members, 1)
    total = processes * sink.rate
    of_all = f"{total:g} of SailPlay's {SAILPLAY_RATE:g} requests a second for a partner"
    says = of_all if processes == 1 else f"{processes} members at {sink.rate:g}/s each make {of_all}"
    if total > SAILPLAY_RATE:
        todo = f"set sinks.{sink.name}.rate to {int(SAILPLAY_RATE / processes)}/s at most: it is each process's own"
        return Finding(section, "rate", Severity.FAIL, says, todo, data)
    return Finding(section, "rate", Severity.OK, says, data=data)


def reading_findings(
    sink: SinkSettings,
    group: str,
    facts: Sequence[TopicFacts],
    conf: Mapping[str, Any],
    now: float,
) -> Iterator[Finding]:
    """Yield findings on where the sink starts and what it reads.

    `facts` are those of the topics that may be read; `now` is in seconds since the epoch.
    """
    section = sink_section(sink.name)
    consumer = Consumer({**conf, "group.id": group, **_READING})
    try:
        partitions = [(fact.name, partition) for fact in facts for partition in range(fact.partitions)]
        ids = {fact.name: fact.topic_id for fact in facts if fact.topic_id}
        positions = read_positions(consumer, partitions, sink.start, group=group, topic_ids=ids)
        yield _start(section, sink, positions)
        if not positions:
            return
        read = read_one_each(consumer, _to_read(positions))
        yield _read(section, positions, read)
        yield from _retention(section, positions, read, {fact.name: fact.retention for fact in facts}, now)
    except KafkaException as error:
        says = f"where to start could not be asked: {error.args[0].str()}"
        yield Finding(section, "start", Severity.FAIL, says, "look at the brokers and try again")
    finally:
        consumer.close()


def _start(section: str, sink: SinkSettings, positions: Sequence[ReadPosition]) -> Finding:
    unread, lost = sum(position.unread for position in positions), sum(position.lost for position in positions)
    origins = {position.origin for position in positions}
    data = {
        "events": unread,
        "new_group": origins == {Origin.START},
        "partitions": [position._asdict() | {"origin": str(position.origin)} for position in positions],
    }
    events = counted(unread, "event")
    if lost:
        says = f"retention deleted {counted(lost, 'event')} before they were read; {events} are left to read"
        todo = "they are lost to this sink; raise retention.ms, or find out why reading fell behind"
        return Finding(section, "start", Severity.WARN, says, todo, data)
    if Origin.REMADE in origins:
        names = ", ".join(sorted({position.topic for position in positions if position.origin is Origin.REMADE}))
        says = f"{names} was made anew since the last commit: {events} from its beginning"
        return Finding(section, "start", Severity.WARN, says, "nothing, if that was meant", data)
    if not positions:
        return Finding(section, "start", Severity.WARN, "there is nothing that it may read", "see topics", data)
    if origins == {Origin.START}:
        says = f"a new group, at start: {_written(sink)}: {events} to read"
        return Finding(section, "start", Severity.OK, says, data=data)
    says = f"at the committed offsets: {events} to read"
    appeared = sum(position.origin is Origin.APPEARED for position in positions)
    says += f"; {counted(appeared, 'partition')} without one from the beginning" if appeared else ""
    fresh = ", ".join(sorted({position.topic for position in positions if position.origin is Origin.START}))
    says += f"; {fresh}, new to the group, at start: {_written(sink)}" if fresh else ""
    return Finding(section, "start", Severity.OK, says, data=data)


def _written(sink: SinkSettings) -> str:
    return sink.start if isinstance(sink.start, str) else sink.start.isoformat()


def _to_read(positions: Sequence[ReadPosition]) -> Iterator[tuple[str, int, int]]:
    """Yield the address of each partition's oldest unread record; for a topic without any, one partition's last."""
    behind = {position.topic for position in positions if position.unread > 0}
    asked: set[str] = set()
    for position in sorted(positions, key=lambda position: position.high == position.low):
        if position.unread > 0:
            yield position.topic, position.partition, position.position
        elif position.topic not in behind | asked:
            asked.add(position.topic)
            yield position.topic, position.partition, max(position.low, position.high - 1)


def _read(section: str, positions: Sequence[ReadPosition], read: Read) -> Finding:
    topics = {position.topic for position in positions}
    for topic, why in sorted(read.errors.items()):
        return Finding(section, "read", Severity.FAIL, f"{topic}: {why}", f"allow READ on topic {topic}")
    for topic, partition in sorted(read.silent):
        says = f"{topic}/{partition} gave nothing in time ({counted(len(read.silent), 'partition')} in all)"
        return Finding(section, "read", Severity.FAIL, says, "look at the partitions' leaders and at network between")
    count = sum(time is not None for time in read.times.values())
    of_topics = counted(len(topics), "topic")
    says = f"{counted(count, 'record')} read, of {of_topics}" if count else f"{of_topics} may be read; nothing is there"
    return Finding(section, "read", Severity.OK, says, data={"records": count})


def _retention(
    section: str,
    positions: Sequence[ReadPosition],
    read: Read,
    retention: Mapping[str, float | None],
    now: float,
) -> Iterator[Finding]:
    """Yield a finding on the unread event that retention will delete first."""
    behind = {(position.topic, position.partition) for position in positions if position.unread > 0}
    ages = []
    for (topic, partition), time in read.times.items():
        keep = retention[topic]
        if (topic, partition) in behind and time is not None and time >= 0 and keep is not None:
            ages.append((now - time / 1000, keep, topic))
    if not ages:
        return
    age, keep, topic = max(ages, key=lambda each: each[0] - each[1])
    data = {"topic": topic, "age_seconds": age, "retention_seconds": keep}
    says = f"the oldest unread event of {topic} is {duration(age)} old; it is kept for {duration(keep)}"
    if age > keep * AGE_TO_WARN:
        left = f"in {duration(keep - age)}" if age < keep else "at any moment"
        todo = f"run the connector, or raise retention.ms of {topic}: events are lost {left}"
        yield Finding(section, "retention", Severity.WARN, says, todo, data)
    else:
        yield Finding(section, "retention", Severity.OK, says, data=data)
