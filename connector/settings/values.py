"""The settings that all rooms work from: frozen values in plain units (seconds, bytes, shares of 1, per second)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from connector.model import Limits
from connector.secrets import Secret
from connector.settings.fields import BaseUrl, Duration, Rate, Span, StartOrDefault, optional, required
from connector.settings.model import Model
from connector.settings.references import DIRECTORY

KafkaValue = str | int | float | bool | Secret
Order = Literal["key", "none"]
Start = Literal["earliest", "latest"] | datetime
Field = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Http:
    """The address of health, metrics and the status page."""

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
    """Budgets of the delivery: `commit_interval` and `drain` in seconds, the limits of open events per sink."""

    commit_interval: float
    drain: float
    max_open_events: int
    max_open_bytes: int
    unrouted: Literal["skip", "dead_letter"]
    flood_guard: FloodGuardSettings


@dataclass(frozen=True, slots=True)
class Topic:
    """One entry of `topics`. `name` is a regular expression with its leading ^ where `pattern` is set.

    `missing_schema` is the path that the file names where nothing lies there and `schema` is the example's, which came
    with the package.
    """

    name: str
    pattern: bool
    schema: Path | None
    missing_schema: Path | None = None


class RetrySettings(Model):
    """Backoff after a fault of the vendor's, in seconds."""

    initial: Span = optional("200ms", "the first pause")
    max: Span = optional("30s", "the longest pause")


class SinkSettings(Model):
    """The keys of every sink: its section of the file, and the settings that the connector works from.

    A vendor's own settings derive from it and add `kind` and the keys of its accounts. `timeout` bounds one attempt
    (seconds); `rate` is requests a second, None: unlimited. Make one with `from_section`.
    """

    base_url: BaseUrl = required("the vendor's address, such as https://vendor.example")
    max_in_flight: int = optional(32, "requests under way at the same time", ge=1)
    timeout: Span = optional("10s", "one attempt, from connecting to the last byte")
    retry: RetrySettings = optional({}, "backoff; an outage is waited out, however long")
    order: Order = optional("key", "whether the events of one key are sent in Kafka's order")
    start: StartOrDefault = optional(
        None,
        "where the group begins in a topic that is new to it: earliest (unless auto.offset.reset says latest), latest "
        "or a time with a zone",
    )
    rate: Rate | None = optional(None, "requests a second; absent: as many as the vendor takes")

    if TYPE_CHECKING:
        # Neither is a key of this class's section: each vendor declares its own `kind`, and `named` adds the name.
        kind: str
        name: str

    @classmethod
    def from_section(
        cls, section: Mapping[str, Any], *, name: str, directory: Path = Path(), default_start: Start = "earliest"
    ) -> Self:
        """Return the settings of a section that is written as in the file, under the key `name`.

        Raises pydantic's ValidationError.
        """
        return cls.model_validate(section, context={DIRECTORY: directory}).named(name, default_start)

    def named(self, name: str, default_start: Start) -> Self:
        """Return a copy with the section's key as its name, and a start where the section has none."""
        return self.model_copy(update={"name": name, "start": self.start or default_start})

    @property
    def linger(self) -> float:
        """How long (seconds) after it was read an event may wait for its batch to fill."""
        return 0.0

    @property
    def unknown_outcome_policy(self) -> Literal["retry", "dead_letter"]:
        """How to treat an event whose request may have taken effect without a proper answer."""
        return "retry"

    def lowered(self, limits: Limits) -> Limits:
        """Return the vendor's limits, lowered where the configuration lowers them."""
        return limits

    def secrets(self) -> Iterator[tuple[str, Secret]]:
        """Yield each secret with its path below the sink: `token`, `token.login.pin_code`."""
        return _secrets(self, "")


class BatchSettings(Model):
    """Limits of one request; a vendor's own derives from it and sets defaults and upper bounds.

    `linger` is in seconds, from the reading of an event.
    """

    max_events: int
    max_bytes: int
    linger: Duration


class BatchingSinkSettings(SinkSettings):
    """The keys of every sink whose vendor takes several events a request. A subclass declares `batch`, with bounds."""

    if TYPE_CHECKING:
        batch: BatchSettings

    @property
    def linger(self) -> float:
        """How long (seconds) after it was read an event may wait for its batch to fill."""
        return self.batch.linger

    def lowered(self, limits: Limits) -> Limits:
        """Return the vendor's limits, lowered where the configuration lowers them."""
        return replace(limits, max_events=self.batch.max_events, max_bytes=self.batch.max_bytes)


def _secrets(section: Model, path: str) -> Iterator[tuple[str, Secret]]:
    for name, value in section:
        if isinstance(value, Secret):
            yield f"{path}{name}", value
        elif isinstance(value, Model):
            yield from _secrets(value, f"{path}{name}.")


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `topics` are keys of `topics`; `when` None takes every event; `index` counts routes from 0.

    `accept` names the kinds of warnings that `check` leaves out for this route. `each` gives the list of which every
    element becomes an item; None: the event becomes one.
    """

    name: str
    topics: tuple[str, ...]
    when: str | None
    sink: str
    method: str
    fields: Mapping[str, Field]
    index: int
    accept: frozenset[str] = frozenset()
    each: str | None = None


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
        """The name of the compacted topic that says which dead letters were replayed."""
        return f"{self.dead_letters}.receipts"
