"""What keeps Kafka from being read: told whenever it changes, logged once."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from connector.kafka.logs import without_numbers

log = structlog.get_logger()


class Trouble:
    """Of one consumer. `tell` hears what the trouble is now; empty when there is none."""

    def __init__(self, group: str, tell: Callable[[str], None]) -> None:
        self.now = ""
        self._group = group
        self._tell = tell
        self._told: set[str] = set()  # what was logged since Kafka could last be read, without its numbers

    def say(self, trouble: str) -> None:
        """This is what keeps Kafka from being read. The same with other numbers in it is no news."""
        kind = without_numbers(trouble)
        if kind == without_numbers(self.now):
            return
        self.now = trouble
        if kind not in self._told:
            log.warning("Kafka cannot be read", group=self._group, why=trouble)
        self._told.add(kind)
        self._tell(trouble)

    def over(self) -> None:
        """Kafka can be read."""
        if not self.now:
            return
        self.now = ""
        self._told = set()
        log.info("Kafka can be read again", group=self._group)
        self._tell("")
