"""The findings of a live check: one for each row of the table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARN = "warning"  # works, but perhaps not for long or not as intended; or could not be checked
    FAIL = "failed"


class Finding(NamedTuple):
    """The result of one check.

    `section` is the part that was checked (kafka, topics, dead letters, sink NAME), `says` the result and `todo` what
    to do about it ("" if nothing). `data` has the figures, for programs.
    """

    section: str
    subject: str
    severity: Severity
    says: str
    todo: str = ""
    data: Mapping[str, Any] = {}

    def as_json(self) -> dict[str, Any]:
        """Return the finding under the names that programs read: the severity is `mark`."""
        return {
            "section": self.section,
            "subject": self.subject,
            "mark": self.severity,
            "says": self.says,
            "todo": self.todo,
            "data": self.data,
        }


def sink_section(name: str) -> str:
    """Return the section of a sink's findings."""
    return f"sink {name}"
