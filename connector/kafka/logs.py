"""librdkafka's own log lines, through Python's logging under one name, each said once a minute."""

from __future__ import annotations

import logging
import re
import time

REPEAT_SECONDS = 60.0
# How many different lines are remembered; where there are more, some are said more often.
REMEMBERED = 100

_VARYING = re.compile(r"#\w+-\d+|\d+")


class _Seldom(logging.Filter):
    """Lets a line through that was not said in the last minute, whatever its numbers: a client that cannot connect
    says so twenty times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line = _VARYING.sub("", record.getMessage())
        now = time.monotonic()
        if now - self._said.get(line, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[line] = now
        return True


def client_logger(role: str) -> logging.Logger:
    """The logger handed to a client; `role` is consumer or producer."""
    logger = logging.getLogger(f"librdkafka.{role}")
    if not any(isinstance(each, _Seldom) for each in logger.filters):
        logger.addFilter(_Seldom())
    return logger
