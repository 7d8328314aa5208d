"""What a sink would find in Kafka: its group, where it starts, whether it may read, and what retention may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException

from connector.kafka.topic_reader import FirstRecords, read_one_each, reader_config
from connector.operations.formatting import counted, duration
from connector.service.preflight.findings import Finding, Severity, sink_section
from connector.service.preflight.members import ConsumerGroup
from connector.service.preflight.positions import ReadPosition, StartOrigin, read_positions
from connector.service.preflight.topics import TopicFacts
from connector.settings.values import SinkSettings
from connector.vendors.registry import VENDORS
from connector.vendors.vendor import MaxRate

# Past this share of a topic's retention an unread event is too old to be calm about.
AGE_TO_WARN = 0.5


def group_findings(of: SinkSettings, name: str, group: ConsumerGroup, protocol: str = "classic") -> Iterator[Finding]:
    """The group as the coordinator sees it, and the rate that its members make together.

    `protocol` is the one that this configuration would join with.
    """
    section = sink_section(of.name)
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
    yield from _rate(of, group.members)


def _rate(of: SinkSettings, members: int) -> Iterator[Finding]:
    vendor = VENDORS[of.kind]
    if vendor.max_rate is not None:
        yield _rate_of_members(of, members, vendor.title, vendor.max_rate)


def _rate_of_members(of: SinkSettings, members: int, title: str, limit: MaxRate) -> Finding:
    section, data = sink_section(of.name), {"members": members, "rate": of.rate}
    if of.rate is None:
        todo = f"set sinks.{of.name}.rate"
        says = f"unlimited: {title} answers 429 past {limit.per_second:g}/s"
        return Finding(section, "rate", Severity.WARN, says, todo, data)
    processes = max(members, 1)
    total = processes * of.rate
    of_all = f"{total:g} of {title}'s {limit.per_second:g} requests a second for a {limit.shared_by}"
    says = of_all if processes == 1 else f"{processes} members at {of.rate:g}/s each make {of_all}"
    if total > limit.per_second:
        todo = f"set sinks.{of.name}.rate to {int(limit.per_second / processes)}/s at most: it is each process's own"
        return Finding(section, "rate", Severity.FAIL, says, todo, data)
    return Finding(section, "rate", Severity.OK, says, data=data)


def reading_findings(
    of: SinkSettings,
    group: str,
    facts: Sequence[TopicFacts],
    conf: Mapping[str, Any],
    now: float,
) -> Iterator[Finding]:
    """Where it starts and what it reads. `facts` are of the topics that may be read; `now` in seconds of the epoch."""
    section = sink_section(of.name)
    consumer = Consumer(reader_config(conf, group))
    try:
        partitions = [(fact.name, partition) for fact in facts for partition in range(fact.partitions)]
        ids = {fact.name: fact.topic_id for fact in facts if fact.topic_id}
        places = read_positions(consumer, partitions, of.start, group=group, topic_ids=ids)
        yield _start(section, of, places)
        if not places:
            return
        read = read_one_each(consumer, _to_read(places))
        yield _read(section, places, read)
        yield from _retention(section, places, read, {fact.name: fact.retention for fact in facts}, now)
    except KafkaException as error:
        says = f"where to start could not be asked: {error.args[0].str()}"
        yield Finding(section, "start", Severity.FAIL, says, "look at the brokers and try again")
    finally:
        consumer.close()


def _start(section: str, of: SinkSettings, places: Sequence[ReadPosition]) -> Finding:
    unread, lost = sum(place.unread for place in places), sum(place.lost for place in places)
    origins = {place.origin for place in places}
    data = {
        "events": unread,
        "new_group": origins == {StartOrigin.START},
        "partitions": [place._asdict() | {"origin": str(place.origin)} for place in places],
    }
    events = counted(unread, "event")
    if lost:
        says = f"retention deleted up to {counted(lost, 'event')} before they were read; {events} are left to read"
        todo = (
            "they are lost to this sink, unless these offsets held no events (marks of transactions, compacted away), "
            "which nothing tells any more; raise retention.ms, or find out why reading fell behind"
        )
        return Finding(section, "start", Severity.WARN, says, todo, data)
    if StartOrigin.REMADE in origins:
        names = ", ".join(sorted({place.topic for place in places if place.origin is StartOrigin.REMADE}))
        says = f"{names} was made anew since the last commit: {events} from its beginning"
        return Finding(section, "start", Severity.WARN, says, "nothing, if that was meant", data)
    if not places:
        return Finding(section, "start", Severity.WARN, "there is nothing that it may read", "see topics", data)
    if origins == {StartOrigin.START}:
        says = f"a new group, at start: {_written(of)}: {events} to read"
        return Finding(section, "start", Severity.OK, says, data=data)
    says = f"at the committed offsets: {events} to read"
    appeared = sum(place.origin is StartOrigin.APPEARED for place in places)
    says += f"; {counted(appeared, 'partition')} without one from the beginning" if appeared else ""
    fresh = ", ".join(sorted({place.topic for place in places if place.origin is StartOrigin.START}))
    says += f"; {fresh}, new to the group, at start: {_written(of)}" if fresh else ""
    return Finding(section, "start", Severity.OK, says, data=data)


def _written(of: SinkSettings) -> str:
    return of.start if isinstance(of.start, str) else of.start.isoformat()


def _to_read(places: Sequence[ReadPosition]) -> Iterator[tuple[str, int, int]]:
    """The oldest unread record of each partition; of a topic without any the last one of a partition."""
    behind = {place.topic for place in places if place.unread > 0}
    asked: set[str] = set()
    for place in sorted(places, key=lambda place: place.high == place.low):
        if place.unread > 0:
            yield place.topic, place.partition, place.position
        elif place.topic not in behind | asked:
            asked.add(place.topic)
            yield place.topic, place.partition, max(place.low, place.high - 1)


def _read(section: str, places: Sequence[ReadPosition], read: FirstRecords) -> Finding:
    topics = {place.topic for place in places}
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
    places: Sequence[ReadPosition],
    read: FirstRecords,
    retention: Mapping[str, float | None],
    now: float,
) -> Iterator[Finding]:
    """The oldest unread event that retention comes nearest to."""
    behind = {(place.topic, place.partition) for place in places if place.unread > 0}
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
