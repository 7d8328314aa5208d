"""What the parts of the file are made of: keys with their meaning, values with units, and what every sink has."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from connector.settings import units
from connector.settings.model import Model
from connector.settings.values import Retry, SinkSettings
from connector.settings.values import Start as StartSetting


def optional(default: Any, description: str, **constraints: Any) -> Any:
    """A key that may be left out. The default is written as in the file and validated like it."""
    return Field(default=default, validate_default=True, description=description, **constraints)


def required(description: str, **constraints: Any) -> Any:
    """A key that must be there; its description says what is missing."""
    return Field(description=description, **constraints)


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Duration = Annotated[float, BeforeValidator(units.duration), _text(units.DURATION_PATTERN, "200ms", "10s", "5m")]
Span = Annotated[float, BeforeValidator(units.positive_duration), _text(units.DURATION_PATTERN, "200ms", "10s", "5m")]
Size = Annotated[
    int,
    BeforeValidator(units.size),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": units.SIZE_PATTERN}]}),
]
Share = Annotated[float, BeforeValidator(units.share), _text(units.SHARE_PATTERN, "50%")]
Rate = Annotated[float, BeforeValidator(units.rate), _text(units.RATE_PATTERN, "40/s")]
Start = Annotated[
    Literal["earliest", "latest"] | datetime,
    BeforeValidator(units.start),
    WithJsonSchema({"type": "string", "examples": ["earliest", "latest", "2025-01-31T00:00:00Z"]}),
]
BaseUrl = Annotated[str, BeforeValidator(units.base_url), WithJsonSchema({"type": "string", "format": "uri"})]


class RetryModel(Model):
    """Backoff after a fault of the vendor's."""

    initial: Span = optional("200ms", "the first pause")
    max: Span = optional("30s", "the longest pause")


class SinkModel(Model):
    """What every sink has."""

    base_url: BaseUrl = required("the vendor's address, such as https://vendor.example")
    max_in_flight: int = optional(32, "requests under way at the same time", ge=1)
    timeout: Span = optional("10s", "one attempt, from connecting to the last byte")
    retry: RetryModel = optional({}, "backoff; an outage is waited out, however long")
    order: Literal["key", "none"] = optional("key", "whether the events of one key are sent in Kafka's order")
    start: Start | None = optional(
        None,
        "where the group begins in a topic that is new to it: earliest (unless auto.offset.reset says latest), latest "
        "or a time with a zone",
    )
    rate: Rate | None = optional(None, "requests a second; absent: as many as the vendor takes")

    def settings(self, name: str, start: StartSetting, directory: Path) -> SinkSettings:
        """The settings of the sink called `name`. `start` is the file's default; paths are relative to `directory`."""
        raise NotImplementedError

    def common(self, name: str, start: StartSetting) -> dict[str, Any]:
        """The arguments of SinkSettings."""
        return {
            "name": name,
            "base_url": self.base_url,
            "max_in_flight": self.max_in_flight,
            "timeout": self.timeout,
            "retry": Retry(self.retry.initial, self.retry.max),
            "order": self.order,
            "start": start if self.start is None else self.start,
            "rate": self.rate,
        }
