"""The lock of a replay: a consumer group of one member, freed when the member leaves or, after a kill, times out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connector.errors import ConnectorError
from connector.kafka.logs import client_logger

SESSION_SECONDS = 10.0
# The group waits for a member that was killed until its session ends, and then rebalances.
ACQUIRE_TIMEOUT_SECONDS = 3 * SESSION_SECONDS
NOTICE_AFTER_SECONDS = 2.0
_POLL_SECONDS = 0.1
# Settings of the user's that conflict with the lock's: it uses the classic protocol, which every broker speaks.
_CONFLICTING = ("group.protocol", "group.remote.assignor", "group.instance.id", "max.poll.interval.ms")

_SUFFIX = "replay"
# The suffix where a sink is called `replay`: no sink can have a colon in its name.
_SUFFIX_BESIDE_SINK = "replay:lock"

log = structlog.get_logger()


def lock_group(group: str, sinks: Collection[str]) -> str:
    """Return the consumer group that serves as the lock: `<group>.replay`, as in older versions.

    A sink called `replay` consumes as that group, so beside one the lock uses another.
    """
    return f"{group}.{_SUFFIX_BESIDE_SINK if _SUFFIX in sinks else _SUFFIX}"


class ReplayLock:
    """Owned by the process that was assigned every partition of the receipts topic when it joined `group`.

    Rebalances are cooperative: while an owner lives, a newcomer's first assignment lacks the owner's partitions. So
    only one process can own the lock, and a newcomer knows at once if it does. Being first is what counts, not holding
    all partitions: a newcomer that was assigned some of the owner's leaves at once, and they go back.

    `lost` becomes true if the session ends without `release`. A thread polls from `acquire` to `release`.
    """

    def __init__(self, conf: Mapping[str, Any], group: str, topic: str, partitions: int) -> None:
        self.lost = False
        self._group = group
        self._topic = topic
        self._partitions = partitions
        self._first_assignment: int | None = None  # how many partitions it had
        self._releasing = threading.Event()
        settings = {name: value for name, value in conf.items() if name not in _CONFLICTING}
        self._consumer = Consumer(
            {
                **settings,
                "group.id": group,
                "session.timeout.ms": int(SESSION_SECONDS * 1000),
                "heartbeat.interval.ms": 500,
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
                "logger": client_logger("replay-lock"),
            }
        )
        self._thread = threading.Thread(target=self._poll, name="replay-lock", daemon=True)

    def acquire(self, on_wait: Callable[[str], None]) -> None:
        """Join the group; blocks. Calls `on_wait` once with what it waits for, if that takes long.

        Raises ConnectorError if another process owns the lock, or the brokers do not answer.
        """
        try:
            self._await_topic()
        except ConnectorError:
            self._consumer.close()
            raise
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        self._thread.start()
        began, notified = time.monotonic(), False
        while self._first_assignment is None:
            passed = time.monotonic() - began
            if passed > ACQUIRE_TIMEOUT_SECONDS:
                self.release()
                raise ConnectorError(
                    f"the lock was not given within {ACQUIRE_TIMEOUT_SECONDS:.0f} s: look at the group {self._group}"
                )
            if passed > NOTICE_AFTER_SECONDS and not notified:
                notified = True
                on_wait(f"waiting for the lock: if an earlier replay was killed, it frees in {SESSION_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS / 2)
        if self._first_assignment < self._partitions:
            self.release()
            raise ConnectorError(
                f"another replay is running (group {self._group} has a member): wait for its end; "
                f"if it was killed, the lock frees after {SESSION_SECONDS:.0f} s"
            )

    def _await_topic(self) -> None:
        """Wait until the client knows the topic, which may be new: else the group would assign it nothing.

        Raises ConnectorError where that takes longer than SESSION_SECONDS.
        """
        deadline = time.monotonic() + SESSION_SECONDS
        while time.monotonic() < deadline:
            try:
                known = self._consumer.list_topics(self._topic, timeout=SESSION_SECONDS).topics[self._topic]
            except KafkaException as error:
                raise ConnectorError(f"topic {self._topic}: {error.args[0].str()}") from error
            if len(known.partitions) >= self._partitions:
                return
            time.sleep(_POLL_SECONDS)
        raise ConnectorError(
            f"topic {self._topic}: the brokers do not report its {self._partitions} partitions to the lock's client: "
            "try again"
        )

    def release(self) -> None:
        """Leave the group, and so free the lock."""
        self._releasing.set()
        if self._thread.is_alive():
            self._thread.join(SESSION_SECONDS)

    def _poll(self) -> None:
        while not self._releasing.is_set():
            try:
                self._consumer.poll(_POLL_SECONDS)
            except KafkaException as error:
                _warn(error)
        self._consumer.close()

    # Callbacks run on the polling thread and never raise. The partitions are paused: nothing is ever fetched.

    def _on_assign(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        try:
            consumer.incremental_assign(list(partitions))
            consumer.pause(list(partitions))
        except KafkaException as error:
            _warn(error)
        if self._first_assignment is None:
            self._first_assignment = len(partitions)

    def _on_revoke(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        try:
            consumer.incremental_unassign(list(partitions))
        except KafkaException as error:
            _warn(error)

    def _on_lost(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self.lost = True
        self._on_revoke(consumer, partitions)


def _warn(error: KafkaException) -> None:
    log.warning("the consumer group of the replay's lock reports an error", why=error.args[0].str())
