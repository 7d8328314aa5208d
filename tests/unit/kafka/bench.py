"""A source whose thread is not started, on a client that notes what is asked of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_END, KafkaError, KafkaException, Message, TopicPartition

from connector.kafka.poll_tracker import PollLimits
from connector.kafka.source import Source
from connector.kafka.source_interface import AssignedPartition, Commit, LogChange, ReadEnd
from connector.kafka.topic_ids import TopicIds
from tests.support.clock import TurnedClock

STALL, POLL_INTERVAL = 45.0, 300.0
COMMIT = Commit(1, "users", 0, 7, "")
CACHED_END, END = 10, 20  # what the client heard when it fetched last, and what the brokers say


class Event(Message):
    """A message of partition 0."""

    def __init__(self) -> None:
        place = {"topic": "users", "partition": 0, "offset": 7, "leader_epoch": 0}
        super().__init__(**place, key=b"key", value=b"{}", timestamp=(1, 1_700_000_000_000))  # type: ignore[arg-type]


class FakeConsumer:
    """A client that notes what is asked of it; the real one needs a broker to assign partitions."""

    def __init__(self) -> None:
        self.committed: list[tuple[int, int, bool]] = []
        self.unassigned: list[int] = []
        self.paused: list[int] = []
        self.asked = 0
        self.woken = 0
        self.polls: list[int] = []  # how many messages each asked for
        self.messages: deque[Message] = deque()
        self.failures: deque[KafkaException] = deque()  # of the next calls of consume
        self.refuses_to_commit: KafkaException | None = None
        self.refuses_to_assign: KafkaException | None = None
        self.refuses_to_close: KafkaException | None = None
        self.assigned: list[int] = []
        self.credentials: list[tuple[str, str]] = []
        self.subscribed: dict[str, Any] = {}  # the callbacks
        self.ends_asked = 0
        self.refuses_to_unassign = False
        self.closed = False
        self.unsubscribed = False
        self.revokes_after: int | None = None  # so many polls after it unsubscribed; None: never
        self.edges: tuple[int, int] | None = None  # of every partition; None: the brokers do not tell
        self.while_polling: Callable[[], None] = lambda: None

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        if self.refuses_to_commit is not None:
            raise self.refuses_to_commit
        self.committed += [(each.partition, each.offset, asynchronous) for each in offsets]

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        if self.refuses_to_unassign:
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG))
        self.unassigned += [each.partition for each in partitions]

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused += [each.partition for each in partitions]

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        return

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        if self.refuses_to_assign is not None:
            raise self.refuses_to_assign
        self.assigned += [each.partition for each in partitions]

    def seek(self, partition: TopicPartition) -> None:
        return

    def position(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        return list(partitions)

    def offsets_for_times(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        ends = partitions[0].offset == OFFSET_END
        self.ends_asked += ends
        self.woken += not ends
        return [TopicPartition(each.topic, each.partition, END) for each in partitions] if ends else []

    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = 0.0, *, cached: bool = False
    ) -> tuple[int, int]:
        if cached:
            return (0, CACHED_END)
        self.asked += 1
        if self.edges is not None:
            return self.edges
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))

    def set_sasl_credentials(self, username: str, password: str) -> None:
        assert not self.closed
        self.credentials.append((username, password))

    def subscribe(self, topics: Sequence[str], **callbacks: Any) -> None:
        self.subscribed = callbacks

    def unsubscribe(self) -> None:
        self.unsubscribed = True

    def consume(self, most: int, timeout: float) -> list[Any]:
        self.polls.append(most)
        self.while_polling()
        if self.unsubscribed and self.revokes_after is not None:
            self.revokes_after -= 1
            if not self.revokes_after:
                self.subscribed["on_revoke"](self, [TopicPartition("users", each) for each in self.assigned])
        if self.failures:
            raise self.failures.popleft()
        return [self.messages.popleft() for _ in range(min(most, len(self.messages)))]

    def close(self) -> None:
        self.closed = True
        if self.refuses_to_close is not None:
            raise self.refuses_to_close


class NoIds(TopicIds):
    """Brokers that do not know topics by ids."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []

    def fetch(self, topics: Collection[str], seconds: float) -> dict[str, str]:
        self.asked.append(set(topics))
        return {}


class RecordingListener:
    """A listener that notes how commits ended, and answers a revocation at once."""

    def __init__(self) -> None:
        self.commits: list[tuple[str | None, bool]] = []
        self.highs: list[Mapping[tuple[str, int], int]] = []
        self.lost: list[frozenset[int]] = []
        self.left_group: list[frozenset[int]] = []
        self.assigned: list[Sequence[AssignedPartition]] = []
        self.problems: list[str] = []
        self.topics_in_trouble: frozenset[str] = frozenset()  # what the last of them is about
        self.ends: list[Mapping[int, ReadEnd]] = []
        self.polls: list[tuple[Any, ...]] = []
        self.revoked: list[frozenset[int]] = []
        self.identified: list[tuple[frozenset[int], str]] = []
        self.changes: list[LogChange] = []

    def on_committed(self, error: str | None, last: bool) -> None:
        self.commits.append((error, last))

    def on_revoked(self, epochs: frozenset[int], done: Any) -> None:
        self.revoked.append(epochs)
        done.set_result([COMMIT._replace(position=9)])

    def on_lost(self, epochs: frozenset[int]) -> None:
        self.lost.append(epochs)

    def on_left_group(self, epochs: frozenset[int]) -> None:
        self.left_group.append(epochs)

    def on_assigned(self, partitions: Sequence[AssignedPartition]) -> None:
        self.assigned.append(partitions)

    def on_topic_id(self, epochs: frozenset[int], topic_id: str) -> None:
        self.identified.append((epochs, topic_id))

    def on_log_changed(self, change: LogChange) -> None:
        self.changes.append(change)

    def on_poll(self, *poll: Any) -> None:
        self.polls.append(poll)

    def on_watermarks(self, highs: Mapping[tuple[str, int], int]) -> None:
        self.highs.append(highs)

    def on_kafka_problem(self, trouble: str, topics: frozenset[str] = frozenset()) -> None:
        self.problems.append(trouble)
        self.topics_in_trouble = topics

    def on_read_up_to(self, ends: Mapping[int, ReadEnd]) -> None:
        self.ends.append(ends)


class Inline:
    """A loop that calls at once, as if it ran between any two steps of the thread."""

    def call_soon_threadsafe(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


class Bench:
    """A source that holds partition 0 of users, its thread not started."""

    def __init__(self, client: FakeConsumer) -> None:
        self.listener, self.clock, self.client = RecordingListener(), TurnedClock(), client
        loop: Any = Inline()
        listener: Any = self.listener
        self.conf: dict[str, Any] = {"bootstrap.servers": "localhost:9092"}
        self.source = Source(
            self.conf,
            ["users"],
            group="crm.mytracker",
            start="earliest",
            listener=listener,
            loop=loop,
            clock=self.clock,
            drain=20.0,
            poll_limits=PollLimits(STALL, 6.0, POLL_INTERVAL),
            topic_ids=NoIds(),
        )
        self.source._owned.epochs["users", 0] = 1

    def run_commands(self) -> None:
        while not self.source._commands.empty():
            self.source._commands.get()()
