"""Warnings about a configuration that is right: what it may still be missing or risking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from connector.config.element_warnings import element_warnings
from connector.config.findings import findings, unaccepted
from connector.config.kafka_settings import missing_files
from connector.config.schema_findings import schema_findings
from connector.config.yaml_values import empty_conditions, quoted_names
from connector.errors import Mistake
from connector.expressions.nodes import Node
from connector.expressions.parser import parse
from connector.routing.validate import EventSchema
from connector.secrets import Secret
from connector.settings.values import Settings
from connector.vendors.registry import VENDORS

# Warnings about this machine, not about the file: `check --strict` is right where the file is written, too.
OF_THIS_MACHINE = frozenset({"missing-file", "missing-secret"})


def warnings(settings: Settings) -> list[Mistake]:
    """Return missing secrets and files, settings that are allowed but rarely meant, and what the findings say.

    Each has its path. What a route accepts by its name is left out.
    """
    found = [*_kafka(settings), *_topics(settings), *_sinks(settings), *_routes(settings), *element_warnings(settings)]
    found += [*findings(settings), *schema_findings(settings)]
    return unaccepted(settings, found)


def warnings_of_file(settings: Settings, file: Path) -> list[Mistake]:
    """Return what only the file's text shows, which its settings forget, such as quotes that YAML takes away."""
    text = file.read_text(encoding="utf-8")
    return unaccepted(settings, [*empty_conditions(text), *quoted_names(text)])


def refusals(settings: Settings) -> list[Mistake]:
    """Return what `check` refuses although `run` starts with it, as older versions did."""
    kafka = settings.kafka
    if "group.instance.id" in kafka and str(kafka.get("group.protocol", "classic")).lower() == "consumer":
        message = (
            "does not go with group.protocol: consumer: after a kill the brokers refuse the next process of that id "
            "until the old one's session has run out. Leave one of the two out"
        )
        return [Mistake("kafka.group.instance.id", message, "instance-id-refused")]
    return []


def _kafka(settings: Settings) -> Iterator[Mistake]:
    kafka = settings.kafka
    for name, value in kafka.items():
        if isinstance(value, Secret):
            yield from _missing(f"kafka.{name}", value)
    for name in missing_files(kafka):
        yield Mistake(f"kafka.{name}", f"there is no {kafka[name]} on this machine", "missing-file")
    if kafka.get("isolation.level") == "read_uncommitted":
        yield Mistake(
            "kafka.isolation.level",
            "events of transactions that were aborted will be sent, too: leave it out, or read_committed",
            "read-uncommitted",
        )
    if "group.instance.id" in kafka:
        yield Mistake(
            "kafka.group.instance.id",
            "two processes with the same id shut each other out: give each its own",
            "shared-instance-id",
        )


def _topics(settings: Settings) -> Iterator[Mistake]:
    for name, topic in settings.topics.items():
        if topic.missing_schema is not None:
            yield Mistake(
                f"topics.{name}.schema",
                f"there is no {topic.missing_schema}: events are checked against the example's schema, which came with "
                "the connector. Put your own there, or leave schema out",
                "example-schema",
            )
        if topic.schema is not None and not EventSchema(orjson.loads(topic.schema.read_bytes())).bounded:
            yield Mistake(
                f"topics.{name}.schema",
                "an event may be too much work to check, and is then a dead letter (schema): tell alternatives that "
                "repeat (anyOf, oneOf) apart by the names of their properties, bound arrays and strings",
                "costly-schema",
            )


def _sinks(settings: Settings) -> Iterator[Mistake]:
    used = {route.sink for route in settings.routes}
    for name, sink in settings.sinks.items():
        for key, secret in sink.secrets():
            yield from _missing(f"sinks.{name}.{key}", secret)
        vendor = VENDORS[sink.kind]
        limit = vendor.max_rate
        if limit is not None and sink.rate is not None and sink.rate > limit.per_second:
            yield Mistake(
                f"sinks.{name}.rate",
                f"{vendor.title} is said to refuse more than {limit.per_second:g}/s per {limit.shared_by}",
                "rate-too-high",
            )
        if name not in used:
            yield Mistake(f"sinks.{name}", "no route leads here: it will send nothing", "idle-sink")


def _missing(path: str, secret: Secret) -> Iterator[Mistake]:
    message = secret.missing()
    if message is not None:
        yield Mistake(path, message, "missing-secret")


def _routes(settings: Settings) -> Iterator[Mistake]:
    for route in settings.routes:
        expression = route.fields.get("idTransaction")
        if isinstance(expression, str) and not _from_event(expression):
            yield Mistake(
                f"routes[{route.index}].fields.idTransaction",
                f"{expression} does not come from the event: it must be unique to each payment, or payments are lost",
                "constant-transaction-id",
            )


def _from_event(expression: str) -> bool:
    """True if an expression reads the event or its record at all: a path, key() or header(…)."""
    return _reads(parse(expression))


def _reads(node: Node, of_event: bool = True) -> bool:
    if node.kind in {"field", "current"}:
        return of_event
    if node.kind == "root" or (node.kind == "call" and node.value in {"key", "header"}):
        return True
    # In 'abc'[0:2] what follows the first part is evaluated on that, not on the event.
    follows = node.kind in {"chain", "projection"}
    return any(_reads(child, of_event and not (follows and position)) for position, child in enumerate(node.children))
