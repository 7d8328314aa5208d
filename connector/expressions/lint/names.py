"""Names that were meant as values: bare true, double quotes around a text, texts without any quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.expressions.lint.places import Finding, Place, is_path, literal, replaced, shown, written
from connector.expressions.nodes import Node, plain_path

_VALUES = {"true": True, "false": False, "null": None}
# Words of other languages for these: fields may be called so, and nobody compares a field with such a one.
_OTHER_WORDS = {"yes": True, "no": False, "none": None, "nil": None, "undefined": None}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_DASHED = re.compile(r"\w*-[\w-]*")
_KEY = re.compile(r"[0-9A-Fa-f]{32,}")
# Codes of currencies that events name. None of them is a word that a field is likely to be called.
_CURRENCY = re.compile(
    "AED|AMD|AUD|AZN|BGN|BRL|BYN|CAD|CHF|CNY|CZK|DKK|EGP|EUR|GBP|GEL|HKD|HUF|IDR|ILS|INR|JPY|KGS|KRW|KZT|MDL|MXN|NOK|"
    "NZD|PLN|RON|RSD|RUB|SEK|SGD|THB|TJS|TMT|TRY|UAH|USD|UZS|VND|ZAR"
)
# Parameters, by function and index, that are seldom read from the event: there a quoted name was meant as a text.
_SEARCHED = {
    ("contains", 1), ("ends_with", 1), ("find_first", 1), ("find_last", 1), ("header", 0), ("join", 0), ("key", 0),
    ("number", 1), ("pad_left", 2), ("pad_right", 2), ("phone", 1), ("replace", 1), ("replace", 2), ("split", 1),
    ("starts_with", 1), ("trim", 1), ("trim_left", 1), ("trim_right", 1), ("unix", 1),
}  # fmt: skip
# Parameters that are never read from the event.
_OPTIONS = {("header", 0), ("key", 0), ("number", 1), ("phone", 1), ("unix", 1)}
# Last names of paths to an event's type, in lower case and without underscores.
_TYPES = frozenset({"type", "eventtype", "eventname", "event", "kind"})


def bare_literals(place: Place) -> Iterator[Finding]:
    """Find true, false and null (any case) where a value is meant: without backticks they are fields."""
    node, parent = place.node, place.parent
    if node.kind != "field" or place.of_result or place.is_quoted(node) or _begins_path(place):
        return
    word = node.value.lower()
    value = _VALUES.get(word)
    if word not in _VALUES:
        if word not in _OTHER_WORDS or not _is_compared_with_path(place):
            return
        value = _OTHER_WORDS[word]
    part = parent if parent is not None and parent.kind in ("compare", "call") else node
    wanted = written(replaced(part, node, literal(value)), place)
    if word in ("yes", "no"):
        wanted += f", or {shown(replaced(part, node, literal(node.value)))} for a text"
    where = f"in {shown(part)}, {node.value} is" if part is not node else f"{node.value} is"
    is_equal = ", and null equals null" if part is not node and part.kind == "compare" else ""
    yield Finding(
        "bare-literal",
        f"{where} a field of that name, null where the event has none{is_equal}; a value stands in backticks: {wanted}",
        node.column,
    )


def empty_brackets(place: Place) -> Iterator[Finding]:
    """Find x == [], where [] flattens the event."""
    node, parent = place.node, place.parent
    if parent is None or parent.kind != "compare" or node.kind != "projection":
        return
    base, right = node.children[:2]
    if base.kind == "flatten" and base.children[0].kind == "current" and right.kind == "current":
        wanted = shown(replaced(parent, node, literal([])))
        yield Finding("bare-literal", f"[] flattens the event here; an empty array is written {wanted}", node.column)


def double_quoted_texts(place: Place) -> Iterator[Finding]:
    """Find names in double quotes where a text is meant; "user-id" and user."e-mail" are paths, and right."""
    node, parent = place.node, place.parent
    if node.kind != "field" or place.of_result or not place.is_quoted(node) or _begins_path(place):
        return
    if not _is_meant_as_text(place):
        return
    meant = _meant(node.value, parent)
    part = parent if parent is not None and parent.kind in ("compare", "call", "or", "and") else node
    form = "a text stands in single quotes" if type(meant.value) is str else "a number takes none"
    yield Finding(
        "double-quoted-text",
        f'"{node.value}" in double quotes is the name of a field; {form}: {written(replaced(part, node, meant), place)}'
        f"{_field_instead(node, parent)}",
        node.column,
    )


def _field_instead(node: Node, parent: Node | None) -> str:
    """Say how to write the field, for those who mean it."""
    if parent is None and _IDENTIFIER.fullmatch(node.value):
        return f"; the field needs no quotes: {shown(node)}"
    return f'; the field itself is $."{node.value}"'


def unquoted_texts(place: Place) -> Iterator[Finding]:
    """Find texts that stand without quotes: codes of currencies, long keys, types, options and names of headers."""
    node, parent = place.node, place.parent
    if place.of_result or not _is_bare_text(place):
        return
    part = parent if parent is not None and parent.kind in ("compare", "or", "call") else node
    meant = literal(".".join(plain_path(node)))
    kind = "a field of that name" if node.kind == "field" else "a path"
    yield Finding(
        "unquoted-text",
        f"{shown(node)} is {kind}, null where the event has none; a text stands in single quotes: "
        f"{written(replaced(part, node, meant), place)}",
        node.column,
    )


def _is_bare_text(place: Place) -> bool:
    node, parent = place.node, place.parent
    if parent is not None and parent.kind == "compare" and _is_type(parent.children[0]) and node is parent.children[1]:
        path = plain_path(node)
        return bool(path) and not _is_type(node) and not place.is_quoted(node) and path[-1].lower() not in _OTHER_WORDS
    if node.kind != "field" or place.is_quoted(node) or _begins_path(place):
        return False
    if parent is not None and parent.kind == "call":
        return (parent.value, _index(node, parent)) in _OPTIONS
    looks_so = _CURRENCY.fullmatch(node.value) or _KEY.fullmatch(node.value)
    return bool(looks_so) and (parent is None or parent.kind in ("compare", "or", "and", "list"))


def _is_type(node: Node) -> bool:
    """True for a path to the type of an event, which is compared with texts and hardly ever with another field."""
    path = plain_path(node)
    return bool(path) and path[-1].lower().replace("_", "") in _TYPES


def _index(node: Node, parent: Node) -> int:
    return next(at for at, child in enumerate(parent.children) if child is node)


def _is_meant_as_text(place: Place) -> bool:
    node, parent = place.node, place.parent
    bare = _IDENTIFIER.fullmatch(node.value) is not None
    if parent is None:  # a name with a dash or a space needs the quotes
        return not place.condition and (bare or bool(_KEY.fullmatch(node.value)) or not node.value)
    others, last = [child for child in parent.children if child is not node], parent.children[-1]
    if parent.kind == "compare":
        return _is_compared_as_text(place, parent)
    if parent.kind == "call":
        argument = (parent.value, _index(node, parent))
        is_default = argument == ("get", 2) or (parent.value == "not_null" and node is last)
        return argument in _SEARCHED or (is_default and bare and not any(map(place.is_quoted, others)))
    if parent.kind in ("or", "and"):  # a default or a choice: x || "RUB"
        return not place.condition and node is last and bare and not any(map(place.is_quoted, others))
    return parent.kind == "list" and _is_searched_list(place)


def _is_compared_as_text(place: Place, parent: Node) -> bool:
    node = place.node
    left, right = parent.children
    other = right if node is left else left
    if not is_path(other):
        return False
    other_is_quoted = place.is_quoted(other)
    if node is right:  # "user-id" == "owner-id": both names need their quotes
        return not (other_is_quoted and _DASHED.fullmatch(node.value) and _DASHED.fullmatch(other.value))
    # "user-id" == owner: the left one is the path, as nearly always, if its name needs the quotes for a dash alone.
    return not other_is_quoted and not _DASHED.fullmatch(node.value)


def _meant(name: str, parent: Node | None) -> Node:
    """Return the literal that was meant: a text, but a number where one was compared in order."""
    ordered = parent is not None and parent.kind == "compare" and parent.value not in ("==", "!=")
    if ordered and _NUMBER.fullmatch(name) and len(name) < 16:
        return literal(float(name) if "." in name else int(name))
    return literal(name)


def _begins_path(place: Place) -> bool:
    """True for a of a.b, a[0] and a[]: it reads the event."""
    return place.parent is not None and place.parent.kind in ("chain", "projection", "flatten") and not place.condition


def _is_compared_with_path(place: Place) -> bool:
    parent = place.parent
    return (
        parent is not None
        and parent.kind == "compare"
        and all(is_path(child) for child in parent.children)
        and place.node is parent.children[1]
    )


def _is_searched_list(place: Place) -> bool:
    """True for the elements of the list in contains(["a", "b"], type)."""
    above = place.above.above if place.above is not None else None
    return (
        above is not None
        and above.node.kind == "call"
        and above.node.value == "contains"
        and (above.node.children[0] is place.parent)
    )
