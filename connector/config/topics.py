"""The check of the `topics` section against the rest of the file: names, patterns, schemas, routes that read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from connector import resources
from connector.config.lenient import elements, mapping, text, texts
from connector.errors import ConnectorError, Mistake
from connector.routing.validate import EventSchema
from connector.settings.units import shown

# The topic of the example that has a schema, and how the example names it.
EXAMPLE_SCHEMA = ("accounts.users", "schemas/events/user.json")

_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
# Syntax that Python's regular expressions have and the Kafka client's (POSIX) lack or read differently.
_NOT_POSIX = re.compile(r"\\[dDAZ]|\(\?|[*+?}][?+]|\[[^]]*\\[A-Za-z]")
# POSIX syntax that Python lacks: [[:digit:]].
_POSIX_ONLY = re.compile(r"\[:[a-z]+:\]")


def topic_mistakes(tree: dict[str, Any], directory: Path) -> Iterator[Mistake]:
    """Yield the mistakes of `topics`. `directory` is the file's own; schema paths start there."""
    topics = mapping(tree.get("topics"))
    dead_letters = text(tree.get("dead_letters"))
    own = {dead_letters, f"{dead_letters}.receipts"} if dead_letters else set()
    used = {name for route in elements(tree.get("routes")) for name in texts(mapping(route).get("from"))}
    for name, topic in topics.items():
        path = f"topics.{name}"
        is_pattern = name.startswith("^")
        message = _pattern_mistake(name) if is_pattern else _name_mistake(name)
        if message is not None:
            yield Mistake(path, message, "topic-pattern" if is_pattern else "wrong-name")
        if name in own:
            message = "the connector's own topics are never consumed: take it out, or name dead_letters otherwise"
            yield Mistake(path, message, "own-topic")
        elif name not in used:
            message = "no route reads this topic: take it out, or name it in the `from` of a route"
            yield Mistake(path, message, "unread-topic")
        schema = text(mapping(topic).get("schema"))
        if schema:
            message = schema_mistake(locate_schema(name, schema, directory).path)
            if message is not None:
                yield Mistake(f"{path}.schema", message, "unusable-schema")


class SchemaFile(NamedTuple):
    """Where a topic's schema lies. `instead_of` is the path of the one that is not there, if this is the example's."""

    path: Path
    instead_of: Path | None = None


def locate_schema(topic: str, schema: str, directory: Path) -> SchemaFile:
    """Return the file of a topic's schema: its path begins in `directory`, where the configuration lies.

    What is not there is replaced by nothing, but for the one line of `connector example` as it is printed, so that the
    example is accepted wherever it is saved; `check` and `run` say so.
    """
    beside = directory / schema
    if (topic, schema) == EXAMPLE_SCHEMA and not beside.exists():
        return SchemaFile(resources.schemas() / "events" / beside.name, instead_of=beside)
    return SchemaFile(beside)


def schema_mistake(path: Path) -> str | None:
    """Return why a file is not a usable JSON Schema (one without references to other files); None if it is."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
        EventSchema(schema)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    except json.JSONDecodeError as error:
        return f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError:
        return f"{path} is not UTF-8 text"
    except RecursionError:
        return f"{path} is nested too deep to be read"
    except ConnectorError as error:
        return f"{path}: {error}"
    return None


def _name_mistake(name: str) -> str | None:
    if _NAME.fullmatch(name):
        return None
    return f"{shown(name)} is not a topic name: letters, digits, dots, - and _, at most 249; a pattern starts with ^"


def _pattern_mistake(name: str) -> str | None:
    alien = _NOT_POSIX.search(name)
    if alien:
        return f"librdkafka's patterns have no {alien[0]}: write [0-9] for a digit, a plain group, a greedy repeat"
    classes = _POSIX_ONLY.search(name)
    if classes:
        return f"routes read {classes[0]} as single characters: write [0-9] for a digit, [a-z] for a letter"
    try:
        re.compile(name)
    except re.error as error:
        return f"this pattern does not compile: {error}"
    return None
