"""The configuration file's model: every key, its type, default and meaning; the source of its JSON Schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, WithJsonSchema

from connector.errors import SettingError
from connector.settings import units
from connector.settings.fields import Share, Size, Span, optional, required
from connector.settings.model import Model
from connector.settings.references import EnvReference, FileReference, reference_tag
from connector.settings.values import SinkSettings
from connector.vendors.registry import VENDORS, kind_of

# Names the schema wherever it lies, and promises no address: it is not published, `connector schema` prints it. The
# number changes only if files that were valid no longer are.
SCHEMA_ID = "urn:connector:config:1"


def _matching(pattern: str, what: str) -> AfterValidator:
    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise SettingError(f"{units.shown(value)} is not a {what}", "wrong-name")
        return value

    return AfterValidator(check)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _expression_tag(value: Any) -> str:
    return "<nested>" if isinstance(value, dict) else "<expression>"


def _expression(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        literal = units.shown(value)
        raise SettingError(
            f"{literal} is not an expression: for the value {literal} itself "
            f'write "`{literal}`", backticks and quotes included',
            "bare-value",
        )
    message = f"{units.shown(value)} is not an expression: write JMESPath, such as user.id"
    raise SettingError(message, "no-expression")


def _kafka_tag(value: Any) -> str:
    return reference_tag(value) or "<value>"


def _kafka_value(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    raise SettingError(
        f"{units.shown(value)} is not a value for a librdkafka setting: write text, a number, true or false, "
        "or a secret as {file: PATH} or {env: NAME}",
        "kafka-value",
    )


def _kind_tag(value: Any) -> str | None:
    kind = kind_of(value)
    return kind and f"<{kind}>"


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


if TYPE_CHECKING:
    AnySink = SinkSettings
else:
    AnySink = Union[*(Annotated[vendor.settings, Tag(f"<{kind}>")] for kind, vendor in VENDORS.items())]


class HttpModel(Model):
    """The address of health, metrics and the status page."""

    host: str = optional("127.0.0.1", "the address to listen on", min_length=1)
    port: int = optional(8080, "the port; 0 takes any that is free", ge=0, le=65535)


class FloodGuardModel(Model):
    """When a sink stops itself because too many events are refused."""

    dead_letters: int = optional(
        1000, "a sink stops itself after more dead letters than this, if `share` is exceeded, too", ge=0
    )
    share: Share = optional("50%", "… and if more than this share of what was sent became dead letters")
    within: Span = optional("5m", "the time over which `dead_letters` and `share` are counted")


class DeliveryModel(Model):
    """The budgets of the delivery."""

    commit_interval: Span = optional(
        "1s", "how often positions are committed, at most 1m; 1,000 settled events do not wait for it"
    )
    drain: Span = optional("20s", "one budget for revoke and for stopping: how long requests in flight are waited for")
    max_open_events: int = optional(20000, "events read and not settled, per sink; past it partitions pause", ge=1)
    max_open_bytes: Size = optional("32MiB", "bytes of events read and not settled, per sink; past it partitions pause")
    unrouted: Literal["skip", "dead_letter"] = optional("skip", "what becomes of an event that no route takes")
    flood_guard: FloodGuardModel = optional({}, "when a sink stops itself because too many events are refused")


class TopicModel(Model):
    """A topic, or a pattern of topics."""

    format: Literal["json"] = optional("json", "how values are encoded")
    schema_path: str | None = optional(
        None, "a JSON Schema that every event must match; relative to this file", alias="schema", min_length=1
    )


class RouteModel(Model):
    """Which events go where, and as what."""

    name: str | None = optional(None, "unique; absent: the `to`, then `<to>#2`, … in file order", min_length=1)
    from_: Annotated[
        list[str],
        BeforeValidator(_as_list),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    ] = required("one topic or several, as they stand in topics", alias="from", min_length=1)
    when: Expression | None = optional(None, "a JMESPath condition; absent: every event of the topic")
    each: Expression | None = optional(
        None,
        "a list of the event, such as order.items: each element becomes an item, and paths in fields begin at it "
        "($ is the event); absent: the event becomes one item",
    )
    to: str = required("<sink>.<method>, such as mytracker.registration")
    fields: dict[
        str,
        Annotated[
            Annotated[Expression, Tag("<expression>")] | Annotated[dict[str, Expression], Tag("<nested>")],
            Discriminator(_expression_tag),
        ],
    ] = required("the vendor's fields, each with the JMESPath expression that fills it")
    accept: list[str] = optional(
        [], "warnings of `check` that are meant so here, by the names in brackets behind them: [bare-literal]"
    )


class File(Model):
    """The whole file."""

    kafka: dict[str, KafkaValue] = required("librdkafka's settings, such as {bootstrap.servers: localhost:9092}")
    group: str = required("the consumer group; each sink consumes as <group>.<sink>", min_length=1)
    dead_letters: TopicName = required("the topic for what cannot be delivered")
    http: HttpModel = optional({}, "where health, metrics and the status page are served")
    delivery: DeliveryModel = optional({}, "budgets of the delivery")
    redact: list[RedactPath] = optional([], "paths hidden wherever a payload is shown to people: [user.email]")
    topics: dict[str, TopicModel] = required("the topics that may be read; a leading ^ makes a pattern", min_length=1)
    sinks: dict[
        SinkName,
        Annotated[
            AnySink,
            Discriminator(
                _kind_tag,
                custom_error_type="kind",
                custom_error_message=f"a sink is a mapping with {' or '.join(f'kind: {kind}' for kind in VENDORS)}",
            ),
        ],
    ] = required("the vendor accounts, by a name of your choice", min_length=1)
    routes: list[RouteModel] = required("which events go where", min_length=1)


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the configuration file, for editors and for `connector schema`."""
    schema = File.model_json_schema(by_alias=True)
    route = RouteModel.__name__
    any_field = f"#/$defs/{route}/properties/fields/additionalProperties"
    schema["$defs"][route]["properties"]["fields"]["properties"] = {
        name: {"description": description, "$ref": any_field} for name, description in _field_descriptions().items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **schema,
        "title": "Configuration of the connector",
        "description": "What the connector reads from Kafka, and what it sends where.",
    }


def _field_descriptions() -> dict[str, str]:
    """Return every field of every vendor's methods, with what the vendor takes, so that an editor can propose them."""
    return {
        name: f"{vendor.title}: {description}"
        for vendor in VENDORS.values()
        for method in vendor.methods.values()
        for name, description in method.fields.items()
    }
