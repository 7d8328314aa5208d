"""What a router is built from: plain values that the configuration gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.expressions.compiler import Fields
from connector.model import Encode, Limits
from connector.routing.validate import EventSchema


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route of the router's sink. `topics` are names, or patterns with their leading ^; `when` None takes all."""

    name: str
    topics: Sequence[str]
    when: str | None
    method: str
    fields: Fields
    encode: Encode
    limits: Limits


@dataclass(frozen=True, slots=True)
class OtherRoute:
    """What matters of another sink's route: which events it takes.

    `earlier`: its sink stands before ours in the file.
    """

    topics: Sequence[str]
    when: str | None
    earlier: bool


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Given to a router where an event that no route of any sink takes is to be dead-lettered.

    The first sink in the file that reads the topic does it, so a router must know the routes of all others.
    """

    others: Sequence[OtherRoute]


def applies(topics: Sequence[str], topic: str) -> bool:
    """Whether a topic is one of those names, or matches one of the patterns."""
    return any(matches(name, topic) for name in topics)


def matches(name: str, topic: str) -> bool:
    """Whether a topic has that name, or matches it if it is a pattern.

    As librdkafka subscribes: of ^a|b the ^ binds a alone, and b may stand anywhere.
    """
    return re.search(name, topic) is not None if name.startswith("^") else name == topic


def schema_of(schemas: Mapping[str, EventSchema | None], topic: str) -> EventSchema | None:
    """The schema of a topic: that of its own entry in `topics`, else of the first pattern that matches."""
    if topic in schemas:
        return schemas[topic]
    return next((schema for name, schema in schemas.items() if matches(name, topic)), None)
