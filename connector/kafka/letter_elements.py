"""The header `connector.item` of a dead letter: which elements of the event's list failed. Pure.

It holds `INDEX/DIGEST` for each, joined by commas: its index in the list, from 0, and 8 hex digits of SHA-256 over its
JSON with sorted keys, by which it is found where a later configuration gives the list in another order. Equal elements
make equal items, so of those the indexes only say how many failed. Where that would be too long for a header, it holds
`all`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

ALL = "all"
MAX_BYTES = 8 * 1024
_ELEMENT = r"[0-9]{1,6}/[0-9a-f]{8}"
_SEVERAL = re.compile(
    r"\A([0-9]{1,7})(?: of [0-9]{1,7})? items failed; "
    r"(?:the first, [0-9]{1,7}|it is unknown if [0-9]{1,7} took effect): "
)
_FORM = re.compile(rf"{ALL}|{_ELEMENT}(?:,{_ELEMENT})*")


class NamedElement(NamedTuple):
    """An element as a letter names it: where it stood in the list (from 0), and its digest."""

    place: int
    digest: str


def name_elements(elements: Sequence[Any], indexes: Iterable[int]) -> str:
    """Return the header for the elements at these indexes."""
    text = ",".join(f"{index}/{digest_of(elements[index])}" for index in indexes)
    return text if len(text) <= MAX_BYTES else ALL


def is_well_formed(text: str) -> bool:
    """True if a header holds what `name_elements` writes."""
    return _FORM.fullmatch(text) is not None


def named_elements(text: str) -> tuple[NamedElement, ...] | None:
    """Return the elements that a well-formed header names; None where it says `all`."""
    if text == ALL:
        return None
    parts = (each.partition("/") for each in text.split(","))
    return tuple(NamedElement(int(place), digest) for place, _, digest in parts)


def count_items(header: str, message: str) -> int:
    """Return how many items a letter stands for: 1 if it names no elements (`header` is empty).

    One that says `all` says how many in its message.
    """
    if header != ALL:
        return header.count(",") + 1
    several = _SEVERAL.match(message)
    return int(several[1]) if several else 1


def several_failed(failed: int, of: int | None, first: int, message: str, *, unknown: bool = False) -> str:
    """Return a letter's message: how many of how many elements failed, and that of the first, which has this index.

    With `unknown`, it is the first of which nobody knows if it has taken effect. `message` may be of a letter of
    several itself, as where a replay was stopped amid that.
    """
    among = "" if of is None else f" of {of}"
    which = f"it is unknown if {first} took effect" if unknown else f"the first, {first}"
    return f"{failed}{among} items failed; {which}: {_SEVERAL.sub('', message)}"


def find_elements(named: Sequence[NamedElement], elements: Sequence[Any]) -> list[int]:
    """Return the indexes of these elements in a list, those that are not there left out.

    Each is found at its own index, else at the first that has its digest and that no other one has taken.
    """
    digests = [digest_of(element) for element in elements]
    in_place = {each.place for each in named if each.place < len(digests) and digests[each.place] == each.digest}
    moved = Counter(each.digest for each in named if each.place not in in_place)
    found = sorted(in_place)
    for index, digest in enumerate(digests):
        if moved[digest] and index not in in_place:
            moved[digest] -= 1
            found.append(index)
    return sorted(found)


def digest_of(element: Any) -> str:
    """Return 8 hex digits of SHA-256 over an element's JSON with sorted keys."""
    try:
        json = orjson.dumps(element, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:  # what an expression made of it is no JSON: too deep, or a number beyond 64 bits
        json = repr(element).encode("utf-8", "backslashreplace")
    return hashlib.sha256(json).hexdigest()[:8]
