"""The keys of the file's sections: required or optional, each with its meaning, and the types of values with units."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetPydanticSchema, WithJsonSchema

from connector.settings import units


def optional(default: Any, description: str, **constraints: Any) -> Any:
    """Return a key that may be left out. The default is written as in the file and validated like it."""
    return Field(default=default, validate_default=True, description=description, **constraints)


def required(description: str, **constraints: Any) -> Any:
    """Return a key that must be there; its description says what is missing."""
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
# Readers of a sink's settings see when its group begins; the file may leave it to the default of all sinks (null).
StartOrDefault = Annotated[
    Literal["earliest", "latest"] | datetime,
    GetPydanticSchema(lambda _, handler: handler.generate_schema(Start | None)),
]
BaseUrl = Annotated[str, BeforeValidator(units.base_url), WithJsonSchema({"type": "string", "format": "uri"})]
