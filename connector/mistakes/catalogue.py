"""Every kind of mistake that `check` and `preview` name, by its name, and in the groups of docs/mistakes.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connector.mistakes import accounts, configuration, each, events, expressions, fields, kafka, lint, routes, schema
from connector.mistakes.kind import MistakeGroup, MistakeKind

GROUPS: tuple[MistakeGroup, ...] = (
    MistakeGroup("The file and its values", configuration.KINDS),
    MistakeGroup("Kafka and the topics", kafka.KINDS),
    MistakeGroup("Sinks and their times", accounts.KINDS),
    MistakeGroup("Routes", (*routes.KINDS, *each.KINDS)),
    MistakeGroup("Expressions that cannot be read", expressions.KINDS),
    MistakeGroup("Routes that say something else than was meant", (*lint.KINDS, *lint.FILE_KINDS, *lint.SAMPLE_KINDS)),
    MistakeGroup("Routes that a topic's schema contradicts", schema.KINDS),
    MistakeGroup("Events that a route does not take or cannot map", events.KINDS),
    MistakeGroup("Values that a vendor does not take", fields.KINDS),
)
_KINDS: tuple[MistakeKind, ...] = tuple(kind for group in GROUPS for kind in group.kinds)
MISTAKES: Mapping[str, MistakeKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
