"""The errors the connector raises on purpose.

ConnectorError
├── ConfigError       the configuration file or the arguments are wrong (exit status 2)
├── MappingError      an event cannot be mapped
│   ├── ExpressionError   an expression does not parse, or raised on an event
│   └── FieldError        a mapped value breaks a vendor's rule
└── DecodeError       a record's value is not an event
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ConnectorError(Exception):
    """The connector cannot do what it was asked to do; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration: its path (`routes[0].fields.total`), what is wrong and what would be right.

    `name` is its kind, by which docs/mistakes.md explains it and `accept` of a route silences it where it is a warning
    (see connector.mistakes); "" for a wrong argument of a command, which no document explains.
    """

    path: str
    message: str
    name: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text} [{self.name}]" if self.name else text


class ConfigError(ConnectorError):
    """The configuration is wrong; `mistakes` lists every mistake found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class SettingError(ValueError):
    """A value of the configuration is not what its key takes; `name` is the kind of mistake.

    A ValueError, because the file's models take no other from the readers of their values.
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class MappingError(ConnectorError):
    """An event cannot be mapped; `name` is the kind of mistake, as docs/mistakes.md explains it."""

    def __init__(self, message: str, *, name: str = "unmappable") -> None:
        super().__init__(message)
        self.name = name


class ExpressionError(MappingError):
    """An expression does not parse, or cannot be evaluated on this event. Never quotes the event's values."""


class FieldError(MappingError):
    """A mapped value breaks a vendor's rule. The message names field, kind of value and limit, never the value."""


class DecodeError(ConnectorError):
    """A record's value is not an event: one JSON object, nested at most 200 deep."""
