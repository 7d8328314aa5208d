"""The meaning of librdkafka's errors: unreadable records, a client that is lost, problems that keep us from reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


class ReadProblem:
    """The problem that keeps one group from reading Kafka: reported whenever it changes, logged once.

    `report_change` gets the problem's text when there is a new one, and "" when there is none any more.
    """

    def __init__(self, group: str, report_change: Callable[[str], None]) -> None:
        self.current = ""
        self._group = group
        self._report_change = report_change
        self._logged: set[str] = set()  # problems since Kafka could last be read, without their numbers

    def report(self, problem: str) -> None:
        """Take this as the current problem. The same text with other numbers in it is not a new problem."""
        kind = without_numbers(problem)
        if kind == without_numbers(self.current):
            return
        self.current = problem
        if kind not in self._logged:
            log.warning("Kafka cannot be read", group=self._group, why=problem)
        self._logged.add(kind)
        self._report_change(problem)

    def clear(self) -> None:
        """Report that Kafka can be read again, if there was a problem."""
        if not self.current:
            return
        self.current = ""
        self._logged = set()
        log.info("Kafka can be read again", group=self._group)
        self._report_change("")
