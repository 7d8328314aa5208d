"""The plain values from the configuration that a router is built from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.expressions.compiler import Fields
from connector.model import Encode, Limits
from connector.routing.validate import EventSchema


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route of the router's sink. `topics` are names, or patterns with a ^; `when` None takes every event.

    `each` gives the list of which every element becomes an item; None: the event becomes one.
    """

    name: str
    topics: Sequence[str]
    when: str | None
    method: str
    fields: Fields
    encode: Encode
    limits: Limits
    each: str | None = None


@dataclass(frozen=True, slots=True)
class OtherRoute:
    """Another sink's route, reduced to which events it takes.

    `earlier`: its sink is written before ours in the file.
    """

    topics: Sequence[str]
    when: str | None
    earlier: bool


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Given to a router if an event that no route of any sink takes shall become a dead letter.

    The first sink in the file that reads the topic writes it, so the router needs the routes of all other sinks.
    """

    others: Sequence[OtherRoute]


def applies(topics: Sequence[str], topic: str) -> bool:
    """True if a topic is one of these names, or matches one of these patterns."""
    return any(matches(name, topic) for name in topics)


def matches(name: str, topic: str) -> bool:
    """True if a topic has this name, or matches it if it is a pattern.

    Patterns match as librdkafka subscribes: in ^a|b the ^ applies to a alone, and b may be anywhere in the name.
    """
    return re.search(name, topic) is not None if name.startswith("^") else name == topic


def schema_of(schemas: Mapping[str, EventSchema | None], topic: str) -> EventSchema | None:
    """Return the schema of a topic: that of its own entry in `topics`, else of the first pattern that matches."""
    if topic in schemas:
        return schemas[topic]
    return next((schema for name, schema in schemas.items() if matches(name, topic)), None)
