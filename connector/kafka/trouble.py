"""What keeps Kafka from being read: told whenever it changes, logged once."""

from __future__ import annotations

from collections.abc import Callable

import structlog

log = structlog.get_logger()


class Trouble:
    """Of one consumer. `tell` hears what the trouble is now; empty when there is none."""

    def __init__(self, group: str, tell: Callable[[str], None]) -> None:
        self.now = ""
        self._group = group
        self._tell = tell
        self._told: frozenset[str] = frozenset()  # what was logged since Kafka could last be read

    def say(self, trouble: str) -> None:
        """This is what keeps Kafka from being read."""
        if trouble == self.now:
            return
        self.now = trouble
        if trouble not in self._told:
            log.warning("Kafka cannot be read", group=self._group, why=trouble)
        self._told |= {trouble}
        self._tell(trouble)

    def over(self) -> None:
        """Kafka can be read."""
        if not self.now:
            return
        self.now = ""
        self._told = frozenset()
        log.info("Kafka can be read again", group=self._group)
        self._tell("")
