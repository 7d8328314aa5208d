"""What a live check found: one finding a row of the table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """Whether a thing is as it must be."""

    OK = "ok"
    WARN = "warning"  # works, and may not for long or not as meant; or could not be judged
    FAIL = "failed"


class Finding(NamedTuple):
    """One thing that was looked at.

    `section` is what it belongs to (kafka, topics, dead letters, sink NAME), `says` what is so and `todo` what to do
    about it (empty if nothing). `data` holds the figures for programs.
    """

    section: str
    subject: str
    severity: Severity
    says: str
    todo: str = ""
    data: Mapping[str, Any] = {}


def sink_section(name: str) -> str:
    """The section of a sink's findings."""
    return f"sink {name}"
