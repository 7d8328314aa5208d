"""A problem with reading ends when the brokers answer for what it is about, whether a record comes or not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message
from structlog.testing import capture_logs

from connector.kafka.client_errors import ProblemPart, ReadProblem
from connector.kafka.owned_partitions import OwnedPartitions, Partition
from connector.kafka.problem_probe import LONGEST_SECONDS, ProblemProbe
from tests.unit.kafka.bench import Bench, Event

AWAY = KafkaException(KafkaError(KafkaError._TIMED_OUT))


class Brokers:
    """What the brokers answer for: `away` are topics whose leaders do not, `missing` topics that are not there."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.missing: set[str] = set()
        self.refused: set[str] = set()
        self.silent = False
        self.asked = 0

    def ask(self, partitions: Collection[Partition]) -> bool:
        self.asked += 1
        return not self.silent and not self.away & {topic for topic, _ in partitions}

    def partitions(self, topic: str, seconds: float) -> list[int]:
        self.asked += 1
        if self.silent:
            raise AWAY
        return [] if topic in self.missing else [0]

    def may_read(self, topic: str, seconds: float) -> bool | None:
        return None if self.silent else topic not in self.refused


class Probing:
    """A group that reads `users` and `orders`, and a thread that asks at every turn; each turn a second passes."""

    def __init__(self) -> None:
        self.told: list[tuple[str, frozenset[str]]] = []
        self.problem = ReadProblem("crm.mytracker", lambda *told: self.told.append(told))
        self.owned, self.brokers, self.now = OwnedPartitions(), Brokers(), 0.0
        self.owned.epochs |= {("users", 0): 1, ("users", 1): 2, ("orders", 0): 3}
        brokers: Any = self.brokers
        self.probe = ProblemProbe(self.problem, self.owned, brokers, brokers, ["users", "orders", "gone"])

    def turn(self, seconds: float = LONGEST_SECONDS + 1.0) -> str:
        for _ in range(int(seconds)):
            self.now += 1.0
            self.probe.ask(self.now)
        return self.problem.current


@pytest.fixture
def probing() -> Probing:
    return Probing()


def test_brokers_that_were_away_end_it_when_every_leader_answers_though_nothing_is_read(probing: Probing) -> None:
    probing.problem.report("all brokers are down")
    probing.brokers.silent = True
    assert probing.turn() == "all brokers are down"
    probing.brokers.silent, probing.brokers.away = False, {"orders"}
    assert probing.turn() == "all brokers are down"
    probing.brokers.away.clear()
    assert probing.turn() == ""
    assert probing.told[-1] == ("", frozenset())


def test_of_two_topics_one_that_is_missing_stays_said_whatever_the_other_brings(probing: Probing) -> None:
    probing.problem.report("gone: Unknown topic", "gone")
    probing.brokers.missing.add("gone")
    probing.probe.note_read(["users", "orders"])
    assert probing.turn() == "gone: Unknown topic"
    assert probing.told == [("gone: Unknown topic", frozenset({"gone"}))]
    probing.brokers.missing.clear()
    assert probing.turn() == ""


def test_a_record_or_the_end_of_a_partition_ends_its_topics_problem_at_once(probing: Probing) -> None:
    probing.problem.report("users: no leader", "users")
    probing.problem.report("gone: Unknown topic", "gone")
    assert probing.probe.note_read(["users"])
    assert probing.told[-1] == ("gone: Unknown topic", frozenset({"gone"}))
    assert not probing.probe.note_read(["users"])


def test_a_member_without_partitions_asks_if_any_broker_answers(probing: Probing) -> None:
    probing.owned.epochs.clear()
    probing.brokers.silent = True
    probing.problem.report("all brokers are down")
    assert probing.turn() == "all brokers are down"
    probing.brokers.silent = False
    assert probing.turn() == ""


def test_a_topic_that_we_may_not_read_stays_so_though_it_is_there(probing: Probing) -> None:
    probing.problem.report("users: Topic authorization failed", "users", ProblemPart.READ)
    probing.brokers.refused.add("users")
    assert probing.turn() == "users: Topic authorization failed"
    probing.brokers.refused.clear()
    assert probing.turn() == ""


@pytest.mark.parametrize("part", [ProblemPart.GROUP, ProblemPart.RESET])
def test_what_ends_otherwise_is_not_asked_about(probing: Probing, part: ProblemPart) -> None:
    probing.problem.report("not now", "", part)
    assert probing.turn() == "not now"
    assert probing.brokers.asked == 0


def test_one_topic_that_never_answers_does_not_keep_the_others_from_being_asked_about(probing: Probing) -> None:
    probing.brokers.away.add("orders")
    probing.problem.report("orders: no leader", "orders")
    probing.problem.report("users: no leader", "users")
    assert probing.turn(2 * LONGEST_SECONDS) == "orders: no leader"


def test_without_a_problem_nothing_is_asked_and_with_one_ever_more_seldom(probing: Probing) -> None:
    probing.turn()
    assert probing.brokers.asked == 0
    probing.brokers.silent = True
    probing.problem.report("all brokers are down")
    probing.turn(10 * LONGEST_SECONDS)
    assert 10 <= probing.brokers.asked <= 16


def test_all_that_is_wrong_is_said_what_concerns_all_first(probing: Probing) -> None:
    for topic in ("a", "b", "c"):
        probing.problem.report(f"{topic}: missing", topic)
    probing.problem.report("all brokers are down")
    assert probing.told[-1] == ("all brokers are down; a: missing; b: missing; and 1 more", frozenset())


# --- on the polling thread --------------------------------------------------------------------------------------------


def unknown(topic: str) -> Message:
    said = f"Subscribed topic not available: {topic}: Broker: Unknown topic or partition"
    return Message(topic=topic, partition=-1, error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, said))


def test_the_other_topics_records_do_not_end_a_missing_ones_problem(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.source._topic_ids, "partitions", lambda *_: [])
    bench.client.messages.append(unknown("orders"))
    with capture_logs() as logs:
        for _ in range(20):
            bench.client.messages.extend([Event()] * 5)
            bench.clock.seconds += 1.0
            bench.source.request_chunk()
            bench.source._poll_once()
    assert [problem.split(":")[0] for problem in bench.listener.problems] == ["orders"]
    assert bench.listener.topics_in_trouble == {"orders"}
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["Kafka cannot be read"]


def test_a_source_that_is_paused_hears_that_the_brokers_are_back(bench: Bench) -> None:
    bench.source._member._on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert bench.listener.problems == ["1/1 brokers are down"]
    bench.clock.seconds += 60.0
    bench.source._poll_once()  # the chunk that it may read at first
    bench.clock.seconds += 60.0
    bench.source._poll_once()
    assert bench.source._member.fetching.paused
    assert bench.listener.problems == ["1/1 brokers are down", ""]


def test_an_assignment_ends_what_concerned_the_group_but_not_a_topics_problem(bench: Bench) -> None:
    bench.source._problem.report("committed offsets cannot be read", part=ProblemPart.GROUP)
    bench.source._problem.report("orders: missing", "orders")
    bench.source._member.on_assign(bench.client, [])  # type: ignore[arg-type]  # the recorder
    assert bench.listener.problems[-1] == "orders: missing"
