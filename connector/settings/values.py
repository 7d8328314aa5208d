"""The settings every other room works from: frozen values in plain units (seconds, bytes, shares of 1, per second)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from connector.model import Limits
from connector.secrets import Secret

KafkaValue = str | int | float | bool | Secret
Order = Literal["key", "none"]
Start = Literal["earliest", "latest"] | datetime
Field = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Http:
    """Where health, metrics and the status page are served."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class FloodGuardSettings:
    """When a sink holds: more than `dead_letters` letters and more than `share` (0..1) of what was sent, `within` s."""

    dead_letters: int
    share: float
    within: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """Budgets of the delivery: `commit_interval` and `drain` in seconds, the open marks per sink."""

    commit_interval: float
    drain: float
    max_open_events: int
    max_open_bytes: int
    unrouted: Literal["skip", "dead_letter"]
    flood_guard: FloodGuardSettings


@dataclass(frozen=True, slots=True)
class Topic:
    """One entry of `topics`. `name` is a regular expression with its leading ^ where `pattern` is set."""

    name: str
    pattern: bool
    schema: Path | None


@dataclass(frozen=True, slots=True)
class Retry:
    """Backoff in seconds: the first pause, and the longest."""

    initial: float
    max: float


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Limits of one request, at most the vendor's own; `linger` in seconds from the reading of an event."""

    max_events: int
    max_bytes: int
    linger: float


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials from which SailPlay's `login` makes a token."""

    store_department_key: Secret
    pin_code: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """What every sink has. `timeout` bounds one attempt (seconds); `rate` is requests a second, None: unlimited."""

    kind: str
    name: str
    base_url: str
    max_in_flight: int
    timeout: float
    retry: Retry
    order: Order
    start: Start
    rate: float | None

    @property
    def linger(self) -> float:
        """How long (seconds) after it was read an event may wait for its batch to fill."""
        return 0.0

    @property
    def on_answer_lost(self) -> Literal["retry", "dead_letter"]:
        """What becomes of an event whose request may have taken effect without an answer."""
        return "retry"

    def lowered(self, limits: Limits) -> Limits:
        """The vendor's limits, lowered where the configuration lowers them."""
        return limits

    def secrets(self) -> Iterator[tuple[str, Secret]]:
        """Each secret with its path below the sink: `token`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchingSink(SinkSettings):
    """What every sink has whose vendor takes several events a request."""

    batch: BatchSettings

    @property
    def linger(self) -> float:
        """How long (seconds) after it was read an event may wait for its batch to fill."""
        return self.batch.linger

    def lowered(self, limits: Limits) -> Limits:
        """The vendor's limits, lowered where the configuration lowers them."""
        return replace(limits, max_events=self.batch.max_events, max_bytes=self.batch.max_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class MyTracker(BatchingSink):
    """A myTracker application."""

    app_id: int
    token: Secret
    kind: str = "mytracker"

    def secrets(self) -> Iterator[tuple[str, Secret]]:
        """The token."""
        yield "token", self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class SailPlay(SinkSettings):
    """A SailPlay department. `retry_codes`: vendor code → how long it may be retried (seconds)."""

    store_department_id: int
    token: Secret | Login
    http_method: Literal["post", "get"]
    on_unknown_outcome: Literal["retry", "dead_letter"]
    retry_codes: Mapping[str, float]
    kind: str = "sailplay"

    @property
    def on_answer_lost(self) -> Literal["retry", "dead_letter"]:
        """What becomes of an event whose request may have taken effect without an answer."""
        return self.on_unknown_outcome

    def secrets(self) -> Iterator[tuple[str, Secret]]:
        """The token, or what makes one."""
        if isinstance(self.token, Login):
            yield "token.login.store_department_key", self.token.store_department_key
            yield "token.login.pin_code", self.token.pin_code
        else:
            yield "token", self.token


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `topics` as they stand in `topics`; `when` None takes every event; `index`: its place in the file."""

    name: str
    topics: tuple[str, ...]
    when: str | None
    sink: str
    method: str
    fields: Mapping[str, Field]
    index: int


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration, checked: names resolve, expressions parse, limits hold."""

    kafka: Mapping[str, KafkaValue]
    group: str
    dead_letters: str
    http: Http
    delivery: Delivery
    redact: tuple[str, ...]
    topics: Mapping[str, Topic]
    sinks: Mapping[str, SinkSettings]
    routes: tuple[Route, ...]

    @property
    def receipts(self) -> str:
        """The compacted topic that says which dead letters were replayed."""
        return f"{self.dead_letters}.receipts"
