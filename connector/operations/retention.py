"""Keeps the topics' retention times up to date, asking the brokers now and then outside the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection, Mapping

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError

EVERY_SECONDS = 300.0

log = structlog.get_logger()

# Topics → seconds for which each keeps its events, where limited. May block; raises ConnectorError.
AskRetention = Callable[[Collection[str]], Mapping[str, float]]


class Retention:
    """Asks for retention times when topics become known, when topics are added, and every five minutes.

    In a thread of its own, not the loop's pool: brokers that do not answer must not delay the end of the process.
    """

    def __init__(self, ask: AskRetention, clock: Clock) -> None:
        self.seconds: Mapping[str, float] = {}
        self._ask = ask
        self._clock = clock
        self._topics: frozenset[str] = frozenset()
        self._due = 0.0
        self._asking = False
        self._why = ""

    def refresh(self, topics: frozenset[str]) -> None:
        """Ask if it is time. Called once a second with the topics that are read now."""
        now = self._clock.monotonic()
        if self._asking or not topics or (now < self._due and topics <= self._topics):
            return
        self._topics, self._due, self._asking = topics, now + EVERY_SECONDS, True
        arguments = asyncio.get_running_loop(), topics
        threading.Thread(target=self._run, args=arguments, name="retention", daemon=True).start()

    def _run(self, loop: asyncio.AbstractEventLoop, topics: frozenset[str]) -> None:
        why, seconds = "", self.seconds
        try:
            seconds = self._ask(topics)
        except ConnectorError as error:
            why = str(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
            loop.call_soon_threadsafe(self._store, seconds, why)

    def _store(self, seconds: Mapping[str, float], why: str) -> None:
        self._asking = False
        self.seconds = seconds
        if why and why != self._why:
            log.warning("retention cannot be read: when unread events expire is unknown", why=why)
        self._why = why
