"""The model of a tests file: every key, its type and meaning; the source of its JSON Schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator

from connector.kafka.records import Address
from connector.model import Reason
from connector.service.route_tests import values
from connector.service.route_tests.values import EventFile
from connector.settings.fields import required
from connector.settings.model import Model
from connector.settings.suggestions import suggestion
from connector.settings.units import shown

# Names the schema wherever it lies, as that of the configuration does; the number changes only if files that were valid
# no longer are.
SCHEMA_ID = "urn:connector:tests:1"
SKIPPED = "skipped"
# Reasons that no single route has: the record fails before any route, or no route takes it.
OF_THE_RECORD = (Reason.UNDECODABLE, Reason.SCHEMA, Reason.UNROUTED)
# Reasons that only a vendor's answers give.
_OF_VENDORS = frozenset({Reason.REFUSED, Reason.POISON, Reason.UNKNOWN_OUTCOME})
OF_A_ROUTE = tuple(reason for reason in Reason if reason not in _OF_VENDORS and reason is not Reason.UNROUTED)

_TEXT_OR_BASE64 = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"base64": {"type": "string"}},
            "required": ["base64"],
            "additionalProperties": False,
        },
        {"type": "null"},
    ]
}


def absent(description: str, **constraints: Any) -> Any:
    """Return a key that may be left out: it is None then. Written with an empty value it is checked like any other."""
    return Field(default=None, description=description, **constraints)


def _reason_of_route(value: Any) -> Reason:
    if not isinstance(value, str):
        raise ValueError(_no_reason(value, OF_A_ROUTE))
    if value == Reason.UNROUTED:
        raise ValueError("no single route leaves an event unrouted: write expect: {dead_letter: unrouted}")
    if value in _OF_VENDORS:
        raise ValueError(f"{value} is decided by the vendor's answer, which no test asks for")
    if value not in OF_A_ROUTE:
        raise ValueError(_no_reason(value, OF_A_ROUTE))
    return Reason(value)


def _reason_of_record(value: Any) -> Reason:
    if value in OF_A_ROUTE and value not in OF_THE_RECORD:
        raise ValueError(f"{value} is a single route's: write expect: {{ROUTE: {{dead_letter: {value}}}}}")
    if value not in OF_THE_RECORD:
        raise ValueError(_no_reason(value, OF_THE_RECORD))
    return Reason(value)


def _no_reason(value: Any, reasons: tuple[Reason, ...]) -> str:
    return f"{shown(value)} is no reason of a dead letter{suggestion(str(value), reasons)}"


def _expectation_tag(value: Any) -> str | None:
    return "<skipped>" if isinstance(value, str) else "<made>" if isinstance(value, dict) else None


def _expect_tag(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "<skipped>" if isinstance(value, str) else None
    # What is expected of a route is `skipped` or a mapping, so a route that is called dead_letter is told apart.
    reason = value.get("dead_letter", SKIPPED)
    return "<record>" if isinstance(reason, str) and reason != SKIPPED else "<routes>"


def _routes(value: Any) -> Any:
    """Refuse what is expected of a route where the route's name is missing."""
    for name in ("body", "fields", "bodies") if isinstance(value, dict) else ():
        content = value.get(name, SKIPPED)
        known = content.keys() & RouteExpectationModel.model_fields.keys() if isinstance(content, dict) else ()
        if content != SKIPPED and not known:
            raise ValueError(f"of which route? Write its name first: expect: {{ROUTE: {{{name}: …}}}}")
    return value


Content = Annotated[bytes | None, BeforeValidator(values.content), WithJsonSchema(_TEXT_OR_BASE64)]
JsonObject = Annotated[dict[str, Any], BeforeValidator(values.json_object), WithJsonSchema({"type": "object"})]
Skipped = Annotated[Literal["skipped"], Tag("<skipped>")]


def _reasons(*reasons: Reason) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": [reason.value for reason in reasons]})


class RouteExpectationModel(Model):
    """What a route must make of the event."""

    body: JsonObject | None = absent("exactly these fields are sent, with these values")
    fields: JsonObject | None = absent(
        "these fields are among those that are sent, with these values; null: the field is left out"
    )
    bodies: list[JsonObject] | None = absent("exactly these, in order: where a route makes several of one event")
    dead_letter: Annotated[Reason, BeforeValidator(_reason_of_route), _reasons(*OF_A_ROUTE)] | None = absent(
        "it becomes a dead letter for this reason"
    )
    message: str | None = absent("a part of the dead letter's message", min_length=1)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [name for name in ("body", "fields", "bodies") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} do not go together: keep one")
        if not given and self.dead_letter is None:
            raise ValueError("says nothing: write skipped, or one of body, fields, bodies and dead_letter")
        if self.dead_letter is not None and given and given != ["bodies"]:
            raise ValueError(f"{given[0]} is what is sent, and a dead letter is not sent: keep one")
        if self.message is not None and self.dead_letter is None:
            raise ValueError("message is that of a dead letter: add dead_letter")
        return self


class RecordExpectationModel(Model):
    """What becomes of the record as a whole, before any route or without one."""

    dead_letter: Annotated[Reason, BeforeValidator(_reason_of_record), _reasons(*OF_THE_RECORD)] = required(
        "why the record becomes a dead letter"
    )
    message: str | None = absent("a part of the dead letter's message", min_length=1)


RouteExpectation = Annotated[
    Skipped | Annotated[RouteExpectationModel, Tag("<made>")],
    Discriminator(
        _expectation_tag,
        custom_error_type="expectation",
        custom_error_message="must be skipped, or a mapping with one of body, fields, bodies and dead_letter",
    ),
]


class CaseModel(Model):
    """One case: a record, and what each route must make of it."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["event"]}, {"required": ["value"]}, {"required": ["record"]}]}
    )

    name: str = required("what is tested, in your words; unique in the file", min_length=1)
    topic: str | None = absent(
        "the record's topic; may be left out where the routes named in `expect` read one only", min_length=1
    )
    event: Annotated[
        bytes | EventFile | None,
        BeforeValidator(values.event),
        WithJsonSchema({"type": "object"}),
    ] = absent("the event: its fields, or {file: PATH} (from this file's directory) whose bytes are taken as they are")
    value: Content = absent("instead of event: the record's value as text, or {base64: TEXT}; null: a tombstone")
    record: Annotated[Address | None, BeforeValidator(values.address), WithJsonSchema({"type": "string"})] = absent(
        "instead of event: topic/partition/offset of a record that is read from Kafka, with its key and headers"
    )
    key: Content = absent("the record's key: text, or {base64: TEXT}")
    headers: Annotated[
        list[tuple[str, bytes | None]] | None,
        BeforeValidator(values.headers),
        WithJsonSchema(
            {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [*_TEXT_OR_BASE64["anyOf"], {"type": "array", "items": _TEXT_OR_BASE64}]
                },
            }
        ),
    ] = absent("the record's headers: names with their values; a list for several of one name")
    time: Annotated[
        datetime | None,
        BeforeValidator(values.time),
        WithJsonSchema({"type": "string", "examples": ["2026-03-01T09:00:00Z"]}),
    ] = absent("the record's timestamp, with a zone; absent: the time of the test")
    expect: Annotated[
        Skipped
        | Annotated[RecordExpectationModel, Tag("<record>")]
        | Annotated[dict[str, RouteExpectation], BeforeValidator(_routes), Tag("<routes>")],
        Discriminator(
            _expect_tag,
            custom_error_type="expect",
            custom_error_message="must be skipped, or a mapping: route names with what each must make of the event",
        ),
    ] = required("skipped (no route takes the event), or by route name what each must make of it")
    others: Literal["skipped"] | None = absent("what the routes that `expect` does not name must make of it")

    @model_validator(mode="after")
    def _one_record(self) -> Self:
        given = [name for name in ("event", "value", "record") if name in self.model_fields_set]
        if len(given) != 1:
            problem = f"{' and '.join(given)} do not go together" if given else "nothing to route"
            raise ValueError(f"{problem}: give one of event, value and record")
        idle = [name for name in ("topic", "key", "headers", "time") if name in self.model_fields_set]
        if self.record is not None and idle:
            raise ValueError(f"the record in Kafka has its own {' and '.join(idle)}: take it out")
        if isinstance(self.expect, dict) and not self.expect:
            raise ValueError("expect names no route: write skipped, or what each route must make of the event")
        if not isinstance(self.expect, dict) and self.others is not None:
            raise ValueError("others goes with routes that `expect` names: take it out")
        return self


class File(Model):
    """The whole file."""

    tests: list[CaseModel] = required("the cases", min_length=1)


def case_file_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a tests file, for editors and for `connector schema --tests`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **File.model_json_schema(by_alias=True),
        "title": "Tests of the connector's routes",
        "description": "Events, and what each route of a configuration must make of them.",
    }
