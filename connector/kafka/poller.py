"""Polls one client: takes chunks of messages from it, and hands their records, errors and watermarks to the loop.

All of it runs on the polling thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, Message

from connector.kafka.client_errors import UNREADABLE, FatalError, ProblemPart, ReadProblem
from connector.kafka.fetching import SLEEP_SECONDS, Fetching
from connector.kafka.log_recovery import LogRecovery
from connector.kafka.owned_partitions import OwnedPartitions
from connector.kafka.poll_tracker import POLL_SECONDS, PollTracker
from connector.kafka.problem_probe import ProblemProbe
from connector.kafka.read_ends import ReadEnds
from connector.kafka.records import record_at
from connector.kafka.source_interface import Notify, SourceListener
from connector.kafka.watermarks import Watermarks
from connector.model import Record

log = structlog.get_logger()


class Poller:
    """Polls the one client that it belongs to, and hands over what comes.

    `rebalanced_at` is when partitions were last assigned or taken away (monotonic seconds); the first second counts as
    after a rebalance.
    """

    def __init__(
        self,
        consumer: Consumer,
        group: str,
        owned: OwnedPartitions,
        poll_tracker: PollTracker,
        fetching: Fetching,
        recovery: LogRecovery,
        watermarks: Watermarks,
        probe: ProblemProbe,
        *,
        problem: ReadProblem,
        fatal: FatalError,
        listener: SourceListener,
        notify: Notify,
    ) -> None:
        self.rebalanced_at = poll_tracker.last
        self._consumer = consumer
        self._group = group
        self._epochs = owned.epochs
        self._poll_tracker = poll_tracker
        self._fetching = fetching
        self._recovery = recovery
        self._watermarks = watermarks
        self._probe = probe
        self._read_ends = ReadEnds(consumer, owned.epochs)
        self._problem = problem
        self._fatal = fatal
        self._listener = listener
        self._notify = notify
        # A poll returned less than asked since the last watermark query: the prefetched records are used up, so that
        # the client has fetched since, and knows the watermarks.
        self._prefetch_exhausted = True

    def poll(self, most: int) -> list[Message]:
        """Return at most `most` messages, waiting up to POLL_SECONDS for the first. Raises KafkaException."""
        self.record_poll()
        messages = self._consume(most)
        self.record_poll()
        return messages

    def _consume(self, most: int) -> list[Message]:
        """Take what is there; else wait for the first message, and take what came with it."""
        messages = self._consumer.consume(most, 0) if most > 1 else []
        if not messages:
            messages = self._consumer.consume(1, POLL_SECONDS)
            if messages and most > 1:
                messages += self._consumer.consume(most - 1, 0)
        return messages

    def record_poll(self) -> None:
        """Record that the thread polls now; log it if it had stalled before."""
        stalled = self._poll_tracker.record_poll()
        if stalled is not None:
            log.warning("the polling thread has stalled: the assignment is in doubt", group=self._group,
                        seconds=round(stalled, 1))  # fmt: skip

    def hand_over(self, polled: list[Message], most: int, *, demanded: bool) -> None:
        """Hand the messages of one `poll(most)` to the loop, and act on the errors among them.

        `demanded`: the poll used up a requested chunk.
        """
        now = self._poll_tracker.last
        messages = self._recovery.drop_stale(polled)
        if len(messages) < len(polled):
            self._fatal.note_in(polled)  # a fatal error counts whatever topic it came with
        records, errors = self._records(messages, now)
        self._notify(self._listener.on_poll, records, now, self._poll_tracker.confirmed, demanded)
        ends = self._read_ends.find(now, self._recovery.is_stale)
        if ends:
            self._notify(self._listener.on_read_up_to, ends)
        for message, error in errors:  # each comes after the records before it were handed over
            self._on_message_error(message, error)
        self._prefetch_exhausted |= len(polled) < most
        highs = self._watermarks.high_watermarks(
            now, self._epochs, fetching=self._fetching.nothing_paused and self._prefetch_exhausted
        )
        if highs is not None:
            self._prefetch_exhausted &= not highs
            self._notify(self._listener.on_watermarks, highs)
        # Keep these calls last: they can block, and the next poll must notice that stall before the assignment is
        # reported as confirmed.
        if demanded and not polled and now - self.rebalanced_at < SLEEP_SECONDS:
            self._fetching.wake()
        if self._probe.ask(now):
            self._recovery.recreation.fetch_topic_ids_soon()
        self._recovery.recreation.fetch_topic_ids(now)

    def _records(
        self, messages: Sequence[Message], now: float
    ) -> tuple[list[Record], list[tuple[Message, KafkaError]]]:
        """Return the records of owned partitions, and the messages that are errors but for the ends of partitions."""
        records, errors, ended = [], [], set()
        for message in messages:
            error = message.error()
            topic: Any = message.topic()
            partition: Any = message.partition()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                errors.append((message, error))
                continue
            epoch = self._epochs.get((topic, partition))
            if epoch is None:
                continue
            if error is None:
                records.append(record_at(topic, partition, message, epoch, now))
            else:
                offset: Any = message.offset()
                self._read_ends.note_end(epoch, offset)
                ended.add(topic)
        self._read_ends.note_records(records)
        if self._problem.exists and self._probe.note_read(ended.union(record.topic for record in records)):
            self._recovery.recreation.fetch_topic_ids_soon()
        return records, errors

    def _on_message_error(self, message: Message, error: KafkaError) -> None:
        partition: Any = (message.topic(), message.partition())
        if self._fatal.note(error):
            return
        if error.code() == KafkaError._AUTO_OFFSET_RESET and None not in partition:
            self._recovery.recover(partition, error.str())
        elif error.code() in UNREADABLE and None not in partition:
            if partition in self._epochs:
                epoch, offset = self._epochs[partition], self._recovery.next_offset(partition)
                self._notify(self._listener.on_unreadable, epoch, offset, error.str())
        elif message.topic():
            refused = error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
            part = ProblemPart.READ if refused else ProblemPart.ANSWER
            self._problem.report(f"{message.topic()}: {error.str()}", str(message.topic()), part)
        else:
            self._problem.report(f"consumer: {error.str()}", part=ProblemPart.GROUP)
