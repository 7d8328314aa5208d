"""The unquoted values of routes as the file has them: where YAML cuts one short, or makes something else of it.

YAML forgets how a value was written, so this reads the file's text again. No message repeats a piece of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import yaml

from connector.errors import Mistake
from connector.expressions.lint import lint

_BRACKETS = {")": "(", "]": "[", "}": "{"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # as YAML counts lines
_WHEN = re.compile(r"routes\[[0-9]+\]\.when")
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
# Fields that events often have: such a name in quotes is meant as a path.
_COMMON_NAMES = frozenset({"amount", "event", "event_type", "id", "key", "name", "total", "type", "user_id", "value"})
# What an expression may hold between quotes, and so no bracket counts there.
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`", re.DOTALL)
_QUOTE_ALL = "put the whole expression between double quotes"
_CUT_BY_COMMA = (
    f"; inside {{ }} and [ ] a comma ends a value that has no quotes: {_QUOTE_ALL}, as in "
    "{eventTimestamp: \"unix(at, 'ms')\"}, or each field on a line of its own"
)
_CUT_BY_COMMENT = f"; behind a space # begins a comment in YAML, and the rest of the line is left out: {_QUOTE_ALL}"
# Levels of the tree, as of routes[0].fields.customEventParams.level: an alias may be endless.
_DEEPEST = 6
_TEXT, _TIME, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "timestamp", "null"))


class Scalar(NamedTuple):
    """One value in `routes`: its path, as written, how it is quoted ("": not), what follows it, and YAML's type."""

    path: str
    value: str
    quotes: str
    rest: str
    in_flow: bool
    tag: str


def scalars(text: str) -> list[Scalar]:
    """Return the values of `routes` in their order; none where the text is no YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    if not isinstance(root, yaml.MappingNode):
        return []
    lines = _LINE_END.split(text)
    return [
        scalar
        for key, value in root.value
        if key.value == "routes"
        for scalar in _scalars(value, "routes", lines, depth=0, in_flow=False)
    ]


def _scalars(node: yaml.Node, path: str, lines: Sequence[str], *, depth: int, in_flow: bool) -> Iterator[Scalar]:
    if depth > _DEEPEST:
        return
    in_flow = in_flow or bool(getattr(node, "flow_style", False))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _scalars(child, f"{path}[{index}]", lines, depth=depth + 1, in_flow=in_flow)
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield from _scalars(child, f"{path}.{key.value}", lines, depth=depth + 1, in_flow=in_flow)
    elif isinstance(node, yaml.ScalarNode):
        end = node.end_mark
        rest = lines[end.line][end.column :] if end.line < len(lines) else ""
        yield Scalar(path, node.value, node.style or "", rest, in_flow, node.tag)


def is_open(expression: str) -> bool:
    """True if a quote or a bracket of an expression is never closed."""
    bare = _QUOTED.sub("", expression)
    opened: list[str] = []
    for character in bare:
        if character in "([{":
            opened.append(character)
        elif character in _BRACKETS and (not opened or opened.pop() != _BRACKETS[character]):
            return False
    return bool(opened) or any(quote in bare for quote in "'\"`")


def explained(text: str, mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Return a file's mistakes with what YAML made of unquoted values said at the first mistake that came of it.

    The rest of a value that a comma cut off looks like a key without a value: what is said of that is left out.
    """
    hints: dict[str, str] = {}
    remains: set[str] = set()
    previous: Scalar | None = None
    for scalar in scalars(text):
        if previous is not None and previous.path in hints and scalar.value == "" and not scalar.quotes:
            remains.add(scalar.path)
        hint = _hint(scalar)
        if hint:
            hints[scalar.path] = hint
            previous = scalar
        elif scalar.path not in remains:
            previous = scalar
    found = []
    for mistake in mistakes:
        if mistake.path not in remains:
            hint = hints.pop(mistake.path, "")
            found.append(Mistake(mistake.path, mistake.message + hint, mistake.name))
    return found


def _hint(scalar: Scalar) -> str:
    if scalar.quotes:
        return ""
    if is_open(scalar.value):
        if re.match(r"\s+#", scalar.rest):
            return _CUT_BY_COMMENT
        return _CUT_BY_COMMA if scalar.in_flow and scalar.rest.lstrip().startswith(",") else ""
    if scalar.tag not in (_TEXT, _TIME) and _is_changed(scalar):
        return "; YAML makes this of what the file has there without quotes"
    return ""


def _is_changed(scalar: Scalar) -> bool:
    """True if YAML reads another value than JSON would, such as 8 of 010, 750 of 12:30, true of yes."""
    return re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?|true|false|null|~|", scalar.value) is None


def empty_conditions(text: str) -> list[Mistake]:
    """Return the routes whose `when` is there and empty, as an unquoted &vip or #vip is: they take every event."""
    message = (
        "is empty, so that the route takes every event: write the condition, between double quotes where it begins "
        "with & or #, or take the key out"
    )
    return [
        Mistake(scalar.path, message, "empty-condition")
        for scalar in scalars(text)
        if scalar.tag == _NULL and _WHEN.fullmatch(scalar.path)
    ]


def quoted_names(text: str) -> list[Mistake]:
    """Return fields whose value is one name between quotes, where no path of the route has any: a text was meant.

    YAML takes one pair of quotes away, and what is left of 'purchase' is a path to a field of that name.
    """
    by_route: dict[str, list[Scalar]] = {}
    for scalar in scalars(text):
        by_route.setdefault(scalar.path.partition("].")[0], []).append(scalar)
    return [
        Mistake(each.path, _quoted_name(each), "quoted-name")
        for values in by_route.values()
        for each in _suspicious(values)
    ]


def _suspicious(values: Sequence[Scalar]) -> list[Scalar]:
    """Return the quoted names among a route's values, if its paths have no quotes and it reads no such name else.

    Those of which a finding speaks are left out.
    """
    fields = [each for each in values if each.path.partition("].")[2].startswith("fields.")]
    names = [each for each in fields if each.quotes in ("'", '"') and _NAME.fullmatch(each.value)]
    paths = [each for each in fields if _PATH.fullmatch(each.value) and each not in names]
    if not paths or any(each.quotes for each in paths):
        return []
    read = {name.lower() for each in values if each not in names for name in _NAME.findall(_QUOTED.sub("", each.value))}
    known = _COMMON_NAMES | read
    return [
        each
        for each in names
        if each.value.lower() not in known and each.value != each.path.rpartition(".")[2] and not lint(each.value)
    ]


def _quoted_name(scalar: Scalar) -> str:
    other = {"'": "single", '"': "double"}[scalar.quotes]
    return (
        f"YAML takes these {other} quotes away, and {scalar.value} is then a field of the event; a text stands in "
        f"single quotes inside double ones: \"'{scalar.value}'\"; the field needs none: {scalar.value}"
    )


def unreadable_hint(text: str, problem: str, line: int, began: int) -> str:
    """Return what PyYAML's reason nearly always comes from, and what to write; empty if nothing more is known.

    `line` is where it stopped, and `began` where what it was reading begins, both from 0.
    """
    if problem.startswith("expected ',' or") and began < line:
        return f"a {{ or [ that opens in line {began + 1} is never closed, or a comma is missing"
    for cause, hint in _REASONS.items():
        if cause in problem:
            return hint
    if problem.startswith("expected <block end>") and _begins_quoted(text, line):
        return (
            "an expression that begins with a quote, a bracket, !, & or * stands whole between double quotes, as in "
            "when: \"'paid' == type\""
        )
    return ""


def _begins_quoted(text: str, line: int) -> bool:
    lines = _LINE_END.split(text)
    return line < len(lines) and re.match(r"\s*(- +)*[^\s:]+:\s+['\"\[{!&*]", lines[line]) is not None


_ON_LINES = "or each field on a line of its own"
_NESTED = (
    "inside { } an expression that holds [ ] or { } stands between double quotes, as in "
    f'{{total: "items[0].price"}}, {_ON_LINES}'
)
_PARTED = (
    "inside { } a comma, or a colon and a space, ends what is before it: such an expression stands between double "
    f"quotes, as in {{eventTimestamp: \"unix(at, 'ms')\"}}, {_ON_LINES}"
)
_INDENT = "look at the indent: keys of one mapping begin in one column"
# The end of PyYAML's reason → what to write.
_REASONS: Mapping[str, str] = {
    "but got '['": _NESTED,
    "but got '{'": _NESTED,
    "expected ',' or '}'": _PARTED,
    "expected ',' or ']'": _PARTED,
    "but found '?'": _INDENT,
    "but found '-'": _INDENT,
    "but found '<block": _INDENT,
    "sequence entries are not allowed": "a value that begins with - and a space stands between double quotes",
    "expected alphabetic or numeric": "a value that begins with &, * or ! stands between double quotes",
    "mapping keys are not allowed": "a value that begins with ? stands between double quotes",
    "expected a comment or a line break": "a value that begins with | or > stands between double quotes",
    "expected chomping or indentation": "a value that begins with !, | or > stands between double quotes",
    "could not find expected ':'": "look at the indent, and at quotes that are opened and never closed",
}
