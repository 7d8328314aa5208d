"""What keeps Kafka from being read: told whenever it changes, logged once."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from connector.kafka.logs import without_numbers

log = structlog.get_logger()


class ReadProblem:
    """Of one consumer. `tell` hears what the trouble is now; empty when there is none."""

    def __init__(self, group: str, tell: Callable[[str], None]) -> None:
        self.current = ""
        self._group = group
        self._tell = tell
        self._told: set[str] = set()  # what was logged since Kafka could last be read, without its numbers

    def report(self, trouble: str) -> None:
        """This is what keeps Kafka from being read. The same with other numbers in it is no news."""
        kind = without_numbers(trouble)
        if kind == without_numbers(self.current):
            return
        self.current = trouble
        if kind not in self._told:
            log.warning("Kafka cannot be read", group=self._group, why=trouble)
        self._told.add(kind)
        self._tell(trouble)

    def clear(self) -> None:
        """Kafka can be read."""
        if not self.current:
            return
        self.current = ""
        self._told = set()
        log.info("Kafka can be read again", group=self._group)
        self._tell("")
