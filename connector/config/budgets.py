"""The check of times and limits against each other (rule 13: timeout < drain, drain + 10 s < max.poll.interval.ms)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.config.file_model import DeliveryModel
from connector.config.kafka_settings import MAX_POLL_INTERVAL_MS
from connector.config.lenient import mapping, parsed
from connector.errors import Mistake
from connector.settings import units
from connector.settings.model import Model, default_of
from connector.settings.values import RetrySettings, SinkSettings
from connector.vendors.registry import VENDORS, kind_of

# The time a rebalance callback needs beside the drain: to be scheduled, and to commit.
CALLBACK_MARGIN_SECONDS = 10
_LONGEST_COMMIT_INTERVAL_SECONDS = 60


def budget_mistakes(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the budgets that contradict each other. A budget that is not valid itself is not compared."""
    delivery = mapping(tree.get("delivery"))
    drain = _span(delivery, "drain", DeliveryModel)
    commit = _span(delivery, "commit_interval", DeliveryModel)
    poll = parsed(_seconds, mapping(tree.get("kafka")).get("max.poll.interval.ms"), MAX_POLL_INTERVAL_MS / 1000)
    if commit is not None and commit > _LONGEST_COMMIT_INTERVAL_SECONDS:
        yield Mistake(
            "delivery.commit_interval",
            f"{_plain(commit)} must be at most {_plain(_LONGEST_COMMIT_INTERVAL_SECONDS)}: "
            "after a crash, events delivered since the last commit are sent again",
            "commit-interval-too-long",
        )
    if drain is not None and poll is not None and drain + CALLBACK_MARGIN_SECONDS >= poll:
        yield Mistake(
            "delivery.drain",
            f"{_plain(drain)} + {CALLBACK_MARGIN_SECONDS}s must be less than kafka's max.poll.interval.ms "
            f"({_plain(poll)}): shorten drain or raise max.poll.interval.ms",
            "drain-too-long",
        )
    for name, sink in mapping(tree.get("sinks")).items():
        yield from _sink(f"sinks.{name}", mapping(sink), drain)


def _sink(path: str, sink: Mapping[str, Any], drain: float | None) -> Iterator[Mistake]:
    settings = _settings_of(sink)
    timeout = _span(sink, "timeout", settings)
    retry = mapping(sink.get("retry", default_of(settings, "retry")))
    initial = _span(retry, "initial", RetrySettings)
    longest = _span(retry, "max", RetrySettings)
    if timeout is not None and drain is not None and timeout >= drain:
        yield Mistake(
            f"{path}.timeout",
            f"{_plain(timeout)} must be less than delivery.drain ({_plain(drain)}), in which requests in flight end",
            "timeout-too-long",
        )
    if initial is not None and longest is not None and initial > longest:
        message = f"{_plain(initial)} must be at most retry.max ({_plain(longest)})"
        yield Mistake(f"{path}.retry.initial", message, "retry-initial-too-long")


def _settings_of(sink: Mapping[str, Any]) -> type[SinkSettings]:
    """Return the class of the section by its kind, since a vendor may have defaults of its own."""
    vendor = VENDORS.get(kind_of(sink) or "")
    return SinkSettings if vendor is None else vendor.settings


def _span(section: Mapping[str, Any], key: str, model: type[Model]) -> float | None:
    """Return a time of the section in seconds, or the model's default where it is left out; None if it is no time."""
    return parsed(units.positive_duration, section.get(key), units.positive_duration(default_of(model, key)))


def _seconds(milliseconds: Any) -> float:
    return int(milliseconds) / 1000


def _plain(seconds: float) -> str:
    return f"{seconds:g}s"
