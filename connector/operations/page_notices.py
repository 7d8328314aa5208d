"""The page's notices: what a sink found out that a person should look at, each line with a badge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from connector.operations.formatting import moment, number

Facts = Mapping[str, Any]

_LOG_CHANGES = {
    "truncated": "Log truncated",
    "overwritten": "Log truncated and overwritten",
    "recreated": "Topic recreated",
}
_MOST_LOG_CHANGES = 5


def badge(word: str, gravity: str) -> str:
    """Return a word in the colour of its gravity: good, warn or bad."""
    return f'<span class="badge {gravity}">{escape(word)}</span>'


def warnings(found: Sequence[Facts]) -> str:
    """Return the mistakes in the configuration that the vendor revealed, with the word and colour of a warning."""
    rows = "".join(
        f"<li>{badge('Configuration', 'warn')} <code>{escape(each['path'])}</code>: {escape(each['message'])}</li>"
        for each in found
    )
    return f'<ul class="also">{rows}</ul>' if rows else ""


def log_changes(changes: Sequence[Facts]) -> str:
    """Return the partitions whose log was not the one that was read."""
    rows = "".join(
        f"<li>{badge(_LOG_CHANGES[each['change']], 'warn')} {escape(each['topic'])}/{each['partition']} at "
        f"{moment(each['at'])}: {number(each['wanted'])} was to be read next, "
        f"reading went on at {number(each['resumes_at'])}</li>"
        for each in changes[:_MOST_LOG_CHANGES]
    )
    return f'<ul class="also">{rows}</ul>' if rows else ""


def always_null(routes: Sequence[Facts]) -> str:
    """Return the fields that had values before and have none now: an upstream team may have renamed something."""
    rows = "".join(
        _null_row(route["name"], field["field"], field["always_null"])
        for route in routes
        for field in route["null_fields"]
        if field["always_null"]
    )
    return f'<ul class="also">{rows}</ul>' if rows else ""


def _null_row(route: str, field: str, always: Facts) -> str:
    return (
        f"<li>{badge('Field always null', 'warn')} <code>{escape(field)}</code> of route <code>{escape(route)}</code>: "
        f"in all {number(always['events'])} events since {moment(always['since'])}; before that in "
        f"{number(always['nulls_before'])} of {number(always['events_before'])}. Was it renamed upstream?</li>"
    )
