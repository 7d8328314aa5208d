"""What expressions look at beside the event (key, headers, time), and what a record made from a file lacks of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connector.expressions.nodes import walk
from connector.expressions.parser import parse
from connector.model import Record
from connector.service.problems import Problem

NAME = "no-headers"


class RecordNeeds(NamedTuple):
    """The parts of a record that expressions look at. `computed` is true if some header's name is computed."""

    headers: tuple[str, ...] = ()
    computed: bool = False
    key: bool = False
    time: bool = False


def needs_of(expressions: Iterable[str]) -> RecordNeeds:
    """Return what these expressions look at. Raises ExpressionError where one does not parse."""
    calls = [node for text in expressions for node, _ in walk(parse(text)) if node.kind == "call"]
    names = [call.children[0] for call in calls if call.value == "header" and call.children]
    literal = [name.value for name in names if name.kind == "literal" and isinstance(name.value, str)]
    return RecordNeeds(
        tuple(dict.fromkeys(literal)),
        len(literal) < len(names),
        any(call.value == "key" for call in calls),
        any(call.value == "timestamp" for call in calls),
    )


def lacks(needs: RecordNeeds, record: Record, *, has_time: bool) -> list[Problem]:
    """Return what a record made from a file lacks of what is needed, each with the option that gives it."""
    found = []
    present = {name for name, _ in record.headers}
    absent = [name for name in needs.headers if name not in present]
    if absent:
        calls, options = _and([f"header('{name}')" for name in absent]), " ".join(f"--header {n}=…" for n in absent)
        source = "a file without headers" if not present else "a file, and is given other headers"
        verb = "is" if len(absent) == 1 else "are"
        found.append(Problem(NAME, None, f"{calls} {verb} null: the event comes from {source}; give {options}"))
    if needs.computed and not present:
        said = "header() is null: the event comes from a file without headers; give --header NAME=VALUE"
        found.append(Problem(NAME, None, said))
    if needs.key and record.key is None:
        found.append(Problem(NAME, None, "key() is null: the event comes from a file without a key; give --key …"))
    if needs.time and not has_time:
        said = "timestamp() is the time of this preview: the event comes from a file; give --timestamp …"
        found.append(Problem(NAME, None, said))
    return found


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
