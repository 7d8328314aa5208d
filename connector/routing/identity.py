"""Route tags identify routes across restarts: by them the commit's metadata names settled parts of a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

UNKNOWN = 0


def route_tag(
    name: str,
    topics: Sequence[str],
    when: str | None,
    method: str,
    fields: Mapping[str, Any],
    each: str | None = None,
) -> int:
    """Return 32 bits over everything that decides what a route sends: any change of it makes another route."""
    identity = {"name": name, "from": sorted(topics), "when": when, "to": method, "fields": fields}
    if each is not None:  # only then, so that the other routes keep the tags that older versions gave them
        identity["each"] = each
    return int.from_bytes(sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).digest()[:4])


def distinct_tags(tags: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return each route's tag by name; UNKNOWN (not named in the metadata) where two routes share one."""
    tags = list(tags)
    uses = Counter(tag for _, tag in tags)
    return {name: tag if uses[tag] == 1 else UNKNOWN for name, tag in tags}
