"""What the flood guards counted before this start: recent letters, and what the groups have committed as settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from connector.clock import Clock
from connector.delivery.flood_guard import FloodGuard
from connector.errors import ConnectorError
from connector.kafka.dead_letter import RecentLetter, recent_letter
from connector.kafka.recent_records import read_since
from connector.kafka.settled_offsets import SettledOffsets, read_settled_offsets
from connector.settings.values import Settings

# How long the brokers may take to say what a group has committed.
COMMITTED_SECONDS = 3.0

log = structlog.get_logger()


async def restore_flood_guards(
    conf: Mapping[str, Any],
    settings: Settings,
    guards: Mapping[str, FloodGuard],
    *,
    clock: Clock,
    stop_requested: Callable[[], bool],
) -> None:
    """Restore the counts of these sinks' guards. Until then they let no record pass, however long it takes to read.

    Does nothing once `stop_requested`, which is asked on another thread.
    """
    began = clock.now()
    since = began - settings.delivery.flood_guard.within
    read = await asyncio.to_thread(read_since, conf, settings.dead_letters, since, recent_letter, stop_requested)
    if stop_requested():
        return
    if read.missing:
        log.warning("not all recent dead letters can be read: the flood guards may count too few",
                    topic=settings.dead_letters, read=len(read.taken), why=read.missing)  # fmt: skip
    earlier = [letter for letter in read.taken if letter.at < began]  # later ones are this run's, and counted
    for sink, guard in guards.items():
        own = [letter for letter in earlier if letter.sink == sink]
        guard.restore(own, await asyncio.to_thread(_settled, conf, f"{settings.group}.{sink}", own))


def _settled(
    conf: Mapping[str, Any], group: str, letters: Sequence[RecentLetter]
) -> Mapping[tuple[str, int], SettledOffsets]:
    """Return what `group` has committed in the letters' partitions; empty where the brokers do not say in time."""
    try:
        return read_settled_offsets(
            conf, group, {(letter.topic, letter.partition) for letter in letters}, COMMITTED_SECONDS
        )
    except ConnectorError as error:
        log.warning("what was delivered before this start is not known: the flood guard counts dead letters alone",
                    group=group, why=str(error))  # fmt: skip
        return {}
