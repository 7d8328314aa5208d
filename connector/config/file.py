"""The configuration file's form: every key, its type, its default and what it means (also the source of the schema)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from connector.config import units
from connector.config.kinds import kind_of
from connector.config.part import Part
from connector.config.references import EnvReference, FileReference, SecretReference, reference_tag
from connector.sinks.catalogue import VENDOR_LIMITS

_MYTRACKER = VENDOR_LIMITS["mytracker"]


def _optional(default: Any, description: str, **constraints: Any) -> Any:
    """A key that may be left out. The default is written as in the file and validated like it."""
    return Field(default=default, validate_default=True, description=description, **constraints)


def _required(description: str, **constraints: Any) -> Any:
    return Field(description=description, **constraints)


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


def _matching(pattern: str, what: str) -> AfterValidator:
    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(f"{units.shown(value)} is no {what}")
        return value

    return AfterValidator(check)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _expression_tag(value: Any) -> str:
    return "<nested>" if isinstance(value, dict) else "<expression>"


def _expression(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        literal = units.shown(value)
        raise ValueError(f'{literal} is no expression: the literal {literal} is written "`{literal}`"')
    raise ValueError(f"{units.shown(value)} is no expression: write JMESPath, such as user.id")


def _codes(value: Any) -> Any:
    """Codes as text: a vendor may answer with either."""
    return {str(code): span for code, span in value.items()} if isinstance(value, dict) else value


def _kafka_tag(value: Any) -> str:
    return reference_tag(value) or "<value>"


def _kafka_value(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    raise ValueError(f"{units.shown(value)} is no setting of librdkafka: text, a number, true or false, or a secret")


def _kind_tag(value: Any) -> str | None:
    kind = kind_of(value)
    return kind and f"<{kind}>"


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
TopicName = Annotated[
    str, _matching(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,240}", "topic name: letters, digits, dots, - and _, at most 240")
]
SinkName = Annotated[
    str,
    _matching(r"[A-Za-z0-9_-]{1,64}", "sink name: letters, digits, - and _, at most 64"),
]
RedactPath = Annotated[str, _matching(r"[^.\s]+(\.[^.\s]+)*", "path: names joined by dots, such as user.email")]
Expression = Annotated[str, BeforeValidator(_expression)]
KafkaValue = Annotated[
    Annotated[
        Any, AfterValidator(_kafka_value), WithJsonSchema({"type": ["string", "number", "boolean"]}), Tag("<value>")
    ]
    | Annotated[FileReference, Tag("<file>")]
    | Annotated[EnvReference, Tag("<env>")],
    Discriminator(_kafka_tag),
]


class HttpPart(Part):
    """Where health, metrics and the status page are served."""

    host: str = _optional("127.0.0.1", "the address to listen on", min_length=1)
    port: int = _optional(8080, "the port; 0 takes any that is free", ge=0, le=65535)


class FloodGuardPart(Part):
    """When a sink stops itself because too many events are refused."""

    dead_letters: int = _optional(1000, "more dead letters than this", ge=0)
    share: Share = _optional("50%", "and more than this share of what was sent")
    within: Span = _optional("5m", "within this time")


class DeliveryPart(Part):
    """Budgets of the delivery."""

    commit_interval: Span = _optional("1s", "how often positions are committed, at most 1m")
    drain: Span = _optional("20s", "one budget for revoke and for stopping: how long requests in flight are waited for")
    max_open_events: int = _optional(20000, "events read and not settled, per sink; past it partitions pause", ge=1)
    max_open_bytes: Size = _optional("32MiB", "the same in bytes")
    unrouted: Literal["skip", "dead_letter"] = _optional("skip", "what becomes of an event that no route takes")
    flood_guard: FloodGuardPart = _optional({}, "when a sink stops itself because too many events are refused")


class TopicPart(Part):
    """A topic, or a pattern of topics."""

    format: Literal["json"] = _optional("json", "how values are encoded")
    schema_path: str | None = _optional(
        None, "a JSON Schema that every event must match; relative to this file", alias="schema", min_length=1
    )


class RetryPart(Part):
    """Backoff after a fault of the vendor's."""

    initial: Span = _optional("200ms", "the first pause")
    max: Span = _optional("30s", "the longest pause")


class BatchPart(Part):
    """The limits of one request; lower than the vendor's at most."""

    max_events: int = _optional(_MYTRACKER.max_events, "events in one request", ge=1, le=_MYTRACKER.max_events)
    max_bytes: int = _optional(_MYTRACKER.max_bytes, "bytes of one request's body", ge=2, le=_MYTRACKER.max_bytes)
    linger: Duration = _optional("200ms", "how long after it was read an event may wait for its batch to fill")


class SinkPart(Part):
    """What every sink has."""

    base_url: BaseUrl = _required("the vendor's address, such as https://vendor.example")
    max_in_flight: int = _optional(32, "requests under way at the same time", ge=1)
    timeout: Span = _optional("10s", "one attempt, from connecting to the last byte")
    retry: RetryPart = _optional({}, "backoff; an outage is waited out, however long")
    order: Literal["key", "none"] = _optional("key", "whether the events of one key are sent in Kafka's order")
    start: Start | None = _optional(
        None, "where a new group begins: earliest (unless auto.offset.reset says latest), latest or a time with a zone"
    )


class MyTrackerPart(SinkPart):
    """A myTracker application."""

    kind: Literal["mytracker"] = _required("mytracker or sailplay")
    app_id: int = _required("idApp: the application's number", ge=1)
    token: SecretReference = _required("the application's token: {file: PATH} or {env: NAME}")
    batch: BatchPart = _optional({}, "the limits of one request")
    rate: Rate | None = _optional(None, "requests a second; absent: as many as the vendor takes")


class LoginPart(Part):
    """Credentials from which a token is made."""

    store_department_key: SecretReference = _required("the department's key: {file: PATH} or {env: NAME}")
    pin_code: SecretReference = _required("the department's pin code: {file: PATH} or {env: NAME}")


class LoginReference(Part):
    """A token that is made by logging in."""

    login: LoginPart = _required("{store_department_key: …, pin_code: …}")


class SailPlayPart(SinkPart):
    """A SailPlay department."""

    kind: Literal["sailplay"] = _required("mytracker or sailplay")
    store_department_id: int = _required("the department's number", ge=1)
    token: Annotated[
        Annotated[FileReference, Tag("<file>")]
        | Annotated[EnvReference, Tag("<env>")]
        | Annotated[LoginReference, Tag("<login>")],
        Discriminator(
            lambda value: "<login>" if isinstance(value, dict) and "login" in value else reference_tag(value),
            custom_error_type="secret",
            custom_error_message="a secret is {file: PATH} or {env: NAME}, never a literal; a token may also be "
            "{login: {store_department_key: …, pin_code: …}}",
        ),
    ] = _required("{file: PATH}, {env: NAME} or {login: {store_department_key: …, pin_code: …}")
    rate: Rate | None = _optional("40/s", "requests a second, every call counted; for one process")
    http_method: Literal["post", "get"] = _optional("post", "post sends a form; get puts the token into the URL")
    on_unknown_outcome: Literal["retry", "dead_letter"] = _optional(
        "retry", "when the answer to a fire was lost: firing again may give the points twice"
    )
    retry_codes: Annotated[dict[str, Span], BeforeValidator(_codes)] = _optional(
        {}, "vendor codes that may heal, with how long to retry: {-4000: 10m}"
    )


class RoutePart(Part):
    """Which events go where, and as what."""

    name: str | None = _optional(None, "unique; absent: the `to`, then `<to>#2`, … in file order", min_length=1)
    from_: Annotated[
        list[str],
        BeforeValidator(_listed),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    ] = _required("one topic or several, as they stand in topics", alias="from", min_length=1)
    when: Expression | None = _optional(None, "a JMESPath condition; absent: every event of the topic")
    to: str = _required("<sink>.<method>, such as mytracker.registration")
    fields: dict[
        str,
        Annotated[
            Annotated[Expression, Tag("<expression>")] | Annotated[dict[str, Expression], Tag("<nested>")],
            Discriminator(_expression_tag),
        ],
    ] = _required("the vendor's fields, each with the JMESPath expression that fills it")


class File(Part):
    """The whole file."""

    kafka: dict[str, KafkaValue] = _required("librdkafka's settings, such as {bootstrap.servers: localhost:9092}")
    group: str = _required("the consumer group; each sink consumes as <group>.<sink>", min_length=1)
    dead_letters: TopicName = _required("the topic for what cannot be delivered")
    http: HttpPart = _optional({}, "where health, metrics and the status page are served")
    delivery: DeliveryPart = _optional({}, "budgets of the delivery")
    redact: list[RedactPath] = _optional([], "paths hidden wherever a payload is shown to people: [user.email]")
    topics: dict[str, TopicPart] = _required("the topics that may be read; a leading ^ makes a pattern", min_length=1)
    sinks: dict[
        SinkName,
        Annotated[
            Annotated[MyTrackerPart, Tag("<mytracker>")] | Annotated[SailPlayPart, Tag("<sailplay>")],
            Discriminator(
                _kind_tag,
                custom_error_type="kind",
                custom_error_message="a sink is a mapping with kind: mytracker or kind: sailplay",
            ),
        ],
    ] = _required("the vendor accounts, by a name of your choice", min_length=1)
    routes: list[RoutePart] = _required("which events go where", min_length=1)
