"""Settles one offset for a sink that is not running: writes its dead letter, then commits.

In this order, so that a kill between the two costs a second letter of the same event, never an offset without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError

from connector.clock import Clock
from connector.delivery.inherited_progress import fingerprint
from connector.errors import ConfigError, ConnectorError, Mistake
from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import Metadata
from connector.kafka.dead_letter import compose_letter
from connector.kafka.dead_letter_producer import DeadLetterProducer, describe
from connector.kafka.group_offsets import Committed, GroupOffsets, open_group
from connector.kafka.records import Address
from connector.kafka.skipping import RecordAt, SkipCommit, settle_one
from connector.kafka.topic_ids import TopicIds
from connector.kafka.topic_reader import NothingThereError, UnreadableError, read_record
from connector.model import Failure, Reason, Record, Stage
from connector.routing.plan import applies
from connector.service.preflight.members import ask_groups
from connector.settings.values import Settings

LETTER_SECONDS = 30.0
ID_SECONDS = 5.0
_CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Skipped:
    """The result for the record at `address`. `before` and `after` are the group's positions.

    `unreadable` is why the client cannot read the record ("" if it can). `value_left_out` is true if the dead-letter
    topic refused the whole letter for its size.
    """

    group: str
    address: Address
    before: int
    after: int
    change: SkipCommit
    unreadable: str
    value_left_out: bool

    @property
    def moved(self) -> bool:
        """True if the position moved past the record; else it is noted as settled above the position."""
        return self.after > self.address.offset

    @property
    def next_unreadable(self) -> Address | None:
        """The record at the new position, if it is known that it cannot be read either."""
        ahead = self.change.next_record
        unreadable = self.moved and ahead is not None and ahead.fingerprint is None
        return self.address._replace(offset=ahead.offset) if unreadable and ahead is not None else None


def expect_subscription(settings: Settings, sink: str, address: Address) -> None:
    """Raise ConfigError where there is no such sink, or it does not read the address's topic."""
    if sink not in settings.sinks:
        known = ", ".join(settings.sinks)
        raise ConfigError([Mistake("--sink", f"no sink is called {sink}; there is {known}")])
    topics = sorted({topic for route in settings.routes if route.sink == sink for topic in route.topics})
    own = address.topic in (settings.dead_letters, settings.receipts)
    if own or not applies(topics, address.topic):
        reads = ", ".join(topics) or "nothing"
        raise ConfigError([Mistake("ADDRESS", f"{sink} does not read {address.topic}; it reads {reads}")])


def skip_offset(
    settings: Settings, conf: Mapping[str, Any], sink: str, address: Address, because: str, clock: Clock
) -> Skipped:
    """Settle the record at `address` for this sink.

    `because` becomes the letter's message. Raises ConnectorError, and commits nothing, where that is not possible.
    """
    group = f"{settings.group}.{sink}"
    _expect_no_member(conf, group)
    with open_group(conf, group) as offsets:
        record, unreadable = _read(conf, address)
        here = RecordAt(address.offset, None if unreadable else fingerprint(record))
        committed = _expect_position(offsets, group, address)
        metadata_before = _decode(group, address, committed)
        _expect_same_topic(conf, group, address.topic, metadata_before.topic_id)

        def record_from(offset: int) -> RecordAt | None:
            return _record_from(conf, address._replace(offset=offset), here)

        change = settle_one(address.offset, committed.position, metadata_before.settled, record_from)
        # With a lower leader epoch in the metadata, this record would look like one that replaced a settled one.
        leader_epoch = -1 if record.leader_epoch < 0 else max(metadata_before.leader_epoch, record.leader_epoch)
        metadata = Metadata(change.settled, metadata_before.topic_id, leader_epoch)
        to = Committed(
            change.position,
            commit_metadata.encode(group, address.topic, address.partition, change.position, metadata),
            # By it the service's next assignment notices a truncation below the position.
            committed.leader_epoch if change.position == committed.position else leader_epoch,
        )
        if to == committed:
            raise ConnectorError(f"{address} is settled already, above the position of group {group}: nothing was done")
        left_out = False
        if not change.already_settled:
            failure = Failure(record, Reason.UNDECODABLE, Stage.SKIP, _message(because, unreadable))
            left_out = asyncio.run(_write(settings, conf, sink, failure, clock.now()))
        if offsets.committed(address.topic, address.partition) != committed:
            raise ConnectorError(
                f"group {group} has moved meanwhile, nothing was committed: stop its members and retry"
            )
        offsets.commit(address.topic, address.partition, to)
    return Skipped(group, address, committed.position, to.position, change, unreadable, left_out)


def _decode(group: str, address: Address, committed: Committed) -> Metadata:
    metadata = commit_metadata.decode(group, address.topic, address.partition, committed.position, committed.metadata)
    return metadata or Metadata(None)


def _expect_no_member(conf: Mapping[str, Any], group: str) -> None:
    found = ask_groups(conf, [group])[group]
    if found.error:
        raise ConnectorError(f"it is not known whether group {group} has members: {found.error}")
    if found.members:
        raise ConnectorError(
            f"group {group} has {'a member' if found.members == 1 else f'{found.members} members'}, which would go on "
            f"from its own position: {', '.join(found.names)}\n→ stop the service (of this sink) first; a process that "
            "was killed, or has a group.instance.id, is a member until its session ends"
        )


def _expect_same_topic(conf: Mapping[str, Any], group: str, topic: str, topic_id: str) -> None:
    """Raise ConnectorError where the topic was recreated since the group committed."""
    if topic_id and TopicIds(conf).fetch({topic}, ID_SECONDS).get(topic, topic_id) != topic_id:
        raise ConnectorError(
            f"{topic} was recreated since group {group} committed: run the service once, so that it starts over"
        )


def _expect_position(offsets: GroupOffsets, group: str, address: Address) -> Committed:
    """Return what is committed. Raises ConnectorError where the offset lies below it, or no position can be had."""
    committed = offsets.committed(address.topic, address.partition)
    if committed is None:
        raise ConnectorError(
            f"group {group} has committed nothing for {address.topic}/{address.partition}: run the service once, so "
            "that it settles where to begin"
        )
    low, high = offsets.watermarks(address.topic, address.partition)
    if not low <= committed.position <= high:
        raise ConnectorError(
            f"the position of group {group}, {committed.position}, is not in the log ({low} to {high}): run the "
            "service once, so that it settles where to go on"
        )
    if address.offset < committed.position:
        raise ConnectorError(
            f"{address} is settled already: the position of group {group} is {committed.position}; nothing was done"
        )
    return committed


def _read(conf: Mapping[str, Any], address: Address) -> tuple[Record, str]:
    """Return the record and ""; if the client cannot read it, an empty record and the reason.

    Raises ConnectorError where no record lies at the address.
    """
    try:
        return read_record(conf, address), ""
    except UnreadableError as error:
        return Record(*address, -1, None, None, ()), error.why


def _record_from(conf: Mapping[str, Any], address: Address, known: RecordAt) -> RecordAt | None:
    """Return the first record at or after an address, None at the end of the log; `known` was read before."""
    if address.offset == known.offset:
        return known
    try:
        return RecordAt(address.offset, fingerprint(read_record(conf, address)))
    except UnreadableError:
        return RecordAt(address.offset, None)
    except NothingThereError as error:
        return None if error.following is None else _record_from(conf, address._replace(offset=error.following), known)


def _message(because: str, unreadable: str) -> str:
    return f"{because} (it cannot be read: {unreadable})" if unreadable else because


async def _write(settings: Settings, conf: Mapping[str, Any], sink: str, failure: Failure, now: float) -> bool:
    """Write the letter; return true if its value had to be left out.

    Raises ConnectorError where the brokers refuse the letter.
    """
    topic = settings.dead_letters
    producer = DeadLetterProducer(conf, topic, asyncio.get_running_loop())
    try:
        refused = await _produce(producer, failure, settings.group, sink, now)
        left_out = refused == describe(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), topic)
        if left_out:
            record = failure.record
            message = f"{failure.message} (its value, {len(record.value or b''):,} bytes, is too large for {topic})"
            failure = failure._replace(record=record._replace(value=None), message=message)
            refused = await _produce(producer, failure, settings.group, sink, now)
    finally:
        await asyncio.to_thread(producer.close, _CLOSE_SECONDS)
    if refused is not None:
        raise ConnectorError(f"the dead letter cannot be written, so nothing was committed: {refused}")
    return left_out


async def _produce(producer: DeadLetterProducer, failure: Failure, group: str, sink: str, now: float) -> str | None:
    """Produce the failure's letter; return None once the brokers have it, else why not."""
    reported: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    producer.write(compose_letter(failure, group=group, sink=sink, now=now), reported.set_result)
    try:
        return await asyncio.wait_for(reported, LETTER_SECONDS)
    except TimeoutError:
        return f"the brokers did not take it within {LETTER_SECONDS:.0f} s"
