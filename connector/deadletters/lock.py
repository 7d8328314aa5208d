"""The lock of a replay: a consumer group with one member, freed by its end or, after a kill, by its session's."""

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
# A member that was killed is waited for as long as its session; then the group forms anew.
PATIENCE_SECONDS = 3 * SESSION_SECONDS
NEWS_AFTER_SECONDS = 2.0
_POLL_SECONDS = 0.1
# Settings of the user's that do not go with ours: the lock uses the classic protocol, which every broker speaks.
_NOT_OURS = ("group.protocol", "group.remote.assignor", "group.instance.id", "max.poll.interval.ms")

# The end of the lock's group where a sink has the usual one: no sink can have a colon in its name.
_BESIDE_A_SINK = "replay:lock"
_USUAL = "replay"

log = structlog.get_logger()


def lock_group(group: str, sinks: Collection[str]) -> str:
    """The group that is the lock: `<group>.replay`, by which older versions lock, too.

    Where a sink is called `replay` that is the group by which it consumes, and the lock's is another.
    """
    return f"{group}.{_BESIDE_A_SINK if _USUAL in sinks else _USUAL}"


class ReplayLock:
    """Held by whoever was given every partition of the receipts topic when it joined `group`.

    Partitions are handed over cooperatively: while a holder lives, a newcomer's first share is without those that the
    holder has. So only one can ever hold it, and a newcomer knows at once. The newcomer leaves again; that it was given
    some of the holder's partitions meanwhile means nothing.
    """

    def __init__(self, conf: Mapping[str, Any], group: str, topic: str, partitions: int) -> None:
        self.lost = False
        self._group = group
        self._topic = topic
        self._partitions = partitions
        self._share: int | None = None  # how many partitions the first assignment gave
        self._leaving = threading.Event()
        settings = {name: value for name, value in conf.items() if name not in _NOT_OURS}
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

    def acquire(self, waiting: Callable[[str], None]) -> None:
        """Join; blocks. `waiting` is told what is waited for, if it takes long.

        Raises ConnectorError if another holds the lock, or the brokers do not answer.
        """
        self._await_topic()
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        self._thread.start()
        began, told = time.monotonic(), False
        while self._share is None:
            passed = time.monotonic() - began
            if passed > PATIENCE_SECONDS:
                self.release()
                raise ConnectorError(
                    f"the lock was not given within {PATIENCE_SECONDS:.0f} s: look at the group {self._group}"
                )
            if passed > NEWS_AFTER_SECONDS and not told:
                told = True
                waiting(f"waiting for the lock: if an earlier replay was killed, it frees in {SESSION_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS / 2)
        if self._share < self._partitions:
            self.release()
            raise ConnectorError(
                f"another replay is running (group {self._group} has a member): wait for its end; "
                f"if it was killed, the lock frees after {SESSION_SECONDS:.0f} s"
            )

    def _await_topic(self) -> None:
        """A topic made a moment ago may not be known yet, and a member that does not know it is given nothing."""
        deadline = time.monotonic() + SESSION_SECONDS
        while time.monotonic() < deadline:
            try:
                known = self._consumer.list_topics(self._topic, timeout=SESSION_SECONDS).topics[self._topic]
            except KafkaException as error:
                raise ConnectorError(f"topic {self._topic}: {error.args[0].str()}") from error
            if len(known.partitions) >= self._partitions:
                return
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Leave the group."""
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join(SESSION_SECONDS)

    def _poll(self) -> None:
        while not self._leaving.is_set():
            try:
                self._consumer.poll(_POLL_SECONDS)
            except KafkaException as error:
                _warn(error)
        self._consumer.close()

    # Callbacks run on the polling thread and never raise. Nothing is ever fetched.

    def _on_assign(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        try:
            consumer.incremental_assign(list(partitions))
            consumer.pause(list(partitions))
        except KafkaException as error:
            _warn(error)
        if self._share is None:
            self._share = len(partitions)

    def _on_revoke(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        try:
            consumer.incremental_unassign(list(partitions))
        except KafkaException as error:
            _warn(error)

    def _on_lost(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self.lost = True
        self._on_revoke(consumer, partitions)


def _warn(error: KafkaException) -> None:
    log.warning("the group that is the replay's lock reports an error", why=error.args[0].str())
