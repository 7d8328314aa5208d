"""The meaning of librdkafka's errors: unreadable records, a client that is lost, problems that keep us from reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import structlog
from confluent_kafka import KafkaError, Message

from connector.kafka.logs import without_numbers

# Errors of a record, or of the batch that it lies in, that no retry mends: compressed to more than the client unpacks
# (receive.message.max.bytes), damaged, or of a format that it does not know.
UNREADABLE = frozenset(
    {
        KafkaError._BAD_COMPRESSION,
        KafkaError._BAD_MSG,
        KafkaError._NOT_IMPLEMENTED,
        KafkaError.INVALID_MSG,
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)
# Errors of a commit made as a member of a generation that the group has left behind.
GROUP_MOVED = frozenset({KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION})
# A fatal error's code says only that it is fatal; its text holds that of the broker's error.
_FENCED = KafkaError(KafkaError.FENCED_INSTANCE_ID).str()

MOST_TEXTS = 3  # so many problems are shown at once

log = structlog.get_logger()


def is_fatal(error: KafkaError) -> bool:
    """True if the client that reports this error reads and commits nothing any more."""
    return error.fatal() or error.code() == KafkaError._FATAL


def is_fenced(error: KafkaError) -> bool:
    """True if the fatal error says that another process has joined with our group.instance.id."""
    return _FENCED in error.str()


class FatalError:
    """The first fatal error that one client has reported; `error` is None as long as there is none."""

    def __init__(self) -> None:
        self.error: KafkaError | None = None

    def note(self, error: KafkaError) -> bool:
        """Return True if the error is fatal, and keep it if it is the first."""
        if is_fatal(error):
            self.error = self.error or error
        return is_fatal(error)

    def note_in(self, messages: Sequence[Message]) -> None:
        """Look for fatal errors among messages that are not handed over."""
        for message in messages:
            error = message.error()
            if error is not None:
                self.note(error)


class ProblemPart(StrEnum):
    """What a problem is about, beside its topic: each part ends by a sign of its own."""

    ANSWER = "answer"  # brokers do not answer, or do not know the topic: ends when they answer for it
    READ = "read"  # we may not read the topic: ends when it was read, or the brokers say that we may
    GROUP = "group"  # the group does not let us in, or what it has committed cannot be read: ends with an assignment
    RESET = "reset"  # a partition cannot be moved to another offset: ends when it was


class ReadProblem:
    """The problems that keep one group from reading Kafka: reported whenever they change, each logged once.

    There is one for each topic ("": it concerns all) and part. `report_change` gets the text of all problems and the
    topics that they are about (none: all topics); the text is "" when there is no problem any more.
    """

    def __init__(self, group: str, report_change: Callable[[str, frozenset[str]], None]) -> None:
        self._group = group
        self._report_change = report_change
        self._problems: dict[tuple[str, ProblemPart], str] = {}
        self._logged: set[str] = set()  # problems since Kafka could last be read, without their numbers

    @property
    def exists(self) -> bool:
        """True if there is a problem."""
        return bool(self._problems)

    @property
    def current(self) -> str:
        """The text of all problems, those that concern all topics first; empty without any."""
        texts = [text for _, text in sorted(self._problems.items(), key=lambda each: bool(each[0][0]))]
        more = [f"and {len(texts) - MOST_TEXTS} more"] if len(texts) > MOST_TEXTS else []
        return "; ".join([*texts[:MOST_TEXTS], *more])

    @property
    def topics(self) -> frozenset[str]:
        """The topics that there are problems with; empty if one concerns all, and if there is none."""
        topics = frozenset(topic for topic, _ in self._problems)
        return frozenset() if "" in topics else topics

    def of(self, part: ProblemPart) -> list[str]:
        """Return the topics with such a problem, "" for one that concerns all."""
        return [topic for topic, each in self._problems if each is part]

    def report(self, problem: str, topic: str = "", part: ProblemPart = ProblemPart.ANSWER) -> None:
        """Take this as the topic's problem. The same text with other numbers in it is not a new problem."""
        kind = without_numbers(problem)
        if kind == without_numbers(self._problems.get((topic, part), "")):
            return
        self._problems[topic, part] = problem
        if kind not in self._logged:
            log.warning("Kafka cannot be read", group=self._group, why=problem)
        self._logged.add(kind)
        self._report_change(self.current, self.topics)

    def clear(self, topic: str, *parts: ProblemPart) -> bool:
        """Report that these parts of a topic's problem have ended. Return False if there were none."""
        ended = [self._problems.pop((topic, part), None) for part in parts]
        if not any(ended):
            return False
        if not self._problems:
            self._logged = set()
            log.info("Kafka can be read again", group=self._group)
        self._report_change(self.current, self.topics)
        return True
