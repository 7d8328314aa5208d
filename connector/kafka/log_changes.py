"""Decides what happened to a partition's log that is not the one that was read, and where reading goes on. Pure.

Offsets name records only as long as the log stays the same. It does not where a topic is deleted and created again, and
where a log is truncated (an unclean election, a broker that lost power): then other records get the offsets.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

# librdkafka's error where the brokers' end of our leader epoch lies below our offset.
_TRUNCATED = re.compile(r"broker end offset is (-?\d+) \(offset leader epoch (-?\d+)\)")


class LogChangeKind(StrEnum):
    """The kinds of change of a log."""

    TRUNCATED = "truncated"  # it ends below the offset that was to be read next
    OVERWRITTEN = "overwritten"  # it was truncated, and has grown past that offset with other records since
    RECREATED = "recreated"  # the topic was deleted and created again
    EXPIRED = "expired"  # retention deleted what was to be read next


class Resumption(NamedTuple):
    """The offset at which reading goes on and its leader epoch (-1: unknown).

    `change` is None if the offset is in the log after all: the error may have been of an earlier log.
    """

    offset: int
    leader_epoch: int
    change: LogChangeKind | None


class Truncation(NamedTuple):
    """Where the log that was read ends in the current one, as the brokers answered OffsetForLeaderEpoch (-1: unknown).

    Records from `end` on were written since. Where it is unknown, all is read again.
    """

    end: int
    leader_epoch: int


def truncation(why: str) -> Truncation | None:
    """Return the truncation, found by leader epochs, that the text of a client's error reports; None without one."""
    found = _TRUNCATED.search(why)
    return None if found is None else Truncation(int(found[1]), int(found[2]))


def resumption(
    wanted: int, low: int, high: int, *, truncated: Truncation | None, same_topic: bool | None
) -> Resumption:
    """Return where reading goes on when `wanted`, the offset to be read next, is not in a log from `low` to `high`.

    `same_topic` is True if the topic's id is the one that was read, None where ids are unknown. No event that was not
    read is skipped: where the end of a truncation is unknown, or the log may be another topic's, reading begins at the
    lowest offset.
    """
    if same_topic is False:
        return Resumption(low, -1, LogChangeKind.RECREATED)
    if wanted < low:
        return Resumption(low, -1, LogChangeKind.EXPIRED)
    if truncated is not None and same_topic:
        end = max(low, min(truncated.end, high, wanted))
        change = LogChangeKind.OVERWRITTEN if high >= wanted else LogChangeKind.TRUNCATED
        return Resumption(end, truncated.leader_epoch if end == truncated.end else -1, change)
    if wanted > high or truncated is not None:
        return Resumption(low, -1, LogChangeKind.TRUNCATED if same_topic else LogChangeKind.RECREATED)
    return Resumption(wanted, -1, None)
