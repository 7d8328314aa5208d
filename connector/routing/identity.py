"""By what a part of a record is told from another after a restart: its route's tag, which changes with the route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

UNKNOWN = 0


def route_tag(name: str, topics: Sequence[str], when: str | None, method: str, fields: Mapping[str, Any]) -> int:
    """32 bits over all that decides what a route sends: whatever is changed in it, it is another route."""
    told = {"name": name, "from": sorted(topics), "when": when, "to": method, "fields": fields}
    return int.from_bytes(sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()[:4])


def distinct_tags(tags: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By route: the tag, where no other route of the sink has it; else UNKNOWN, and its parts are never told."""
    tags = list(tags)
    often = Counter(tag for _, tag in tags)
    return {name: tag if often[tag] == 1 else UNKNOWN for name, tag in tags}
