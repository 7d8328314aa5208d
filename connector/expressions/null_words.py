"""The words in which people are told why an expression came out null: names, never values. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from connector.expressions.nodes import Node
from connector.expressions.writing import written
from connector.model import Record

# A name that a person chose; others may be values that serve as names, such as addresses.
_CHOSEN_NAME = re.compile(r"[A-Za-z_$@][\w-]{0,39}", re.ASCII)
_NAMES_SHOWN = 8
_IT_HAS = "; it has "


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that `name` most likely misspells; None if there is none like it."""
    by_lower = {known.lower(): known for known in names if _CHOSEN_NAME.fullmatch(known)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def other_names(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about a name that an object has not: which it has, and which may be meant."""
    known = list(names)
    listed = [each for each in known if _CHOSEN_NAME.fullmatch(each)][:_NAMES_SHOWN]
    if not listed:
        return ""
    near, more = nearest(name, known), len(known) - len(listed)
    rest = f" and {more} more" if more else ""
    return f"{_IT_HAS}{', '.join(listed)}{rest}" + (f" — did you mean {near}?" if near is not None else "")


def joined(causes: Iterable[str]) -> str:
    """Return the causes as one text, in which the names that several of them list stand once."""
    told: list[str] = []
    for cause in causes:
        said, _, names = cause.partition(_IT_HAS)
        told.append(said if names and any(earlier.endswith(f"{_IT_HAS}{names}") for earlier in told) else cause)
    return "; ".join(told)


def counted(count: int) -> str:
    """Return a number of elements for people."""
    return "no elements" if not count else f"{count} element{'s' if count > 1 else ''}"


def reader(base: Any, name: str, link: Node) -> str:
    """Return how what a path meets in the place of an object is read; "" where nothing reads it."""
    if isinstance(base, str) and name and base.lstrip()[:1] in ("{", "["):
        try:
            orjson.loads(base)
        except orjson.JSONDecodeError:
            return ""
        return f": json({name}) reads it"
    if isinstance(base, list) and name and link.kind == "field":
        member = written((link,))
        return f": {name}[0].{member} is that of its first element, {name}[].{member} are those of all"
    return ""


# --- functions of the record -----------------------------------------------------------------------------------------


def _no_header(node: Node, record: Record) -> str:
    call = written((node,)) or "header()"
    name = node.children[0].value if node.children and node.children[0].kind == "literal" else None
    if any(present == name for present, _ in record.headers):
        return f"{call} is null: the record has that header, but its value is null or not UTF-8"
    present = list(dict.fromkeys(name for name, _ in record.headers if _CHOSEN_NAME.fullmatch(name)))[:_NAMES_SHOWN]
    has = f"has no such header; it has {', '.join(present)}" if present else "has no headers"
    return f"{call} is null: the record {has}"


OF_RECORD: Mapping[str, Callable[[Node, Record], str]] = {
    "header": _no_header,
    "key": lambda _node, _record: "key() is null: the record has no key",
    "timestamp": lambda _node, _record: "timestamp() is null: the record has no time",
}
