"""Compiles expressions to Python functions: one for an expression, one for a `when`, one for all fields of a route."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.generator import EVENT, RECORD, Generator
from connector.expressions.parsing import Node, parse
from connector.model import Evaluate, Event, Record

# Field → expression, or → the nested object's names → expressions.
Fields = Mapping[str, str | Mapping[str, str]]
# True if an expression is true of an event. Raises ExpressionError.
Predicate = Callable[[Event, Record], bool]
# All fields of a route, by their names; those that are null are left out. Raises ExpressionError, naming the field.
MapFields = Callable[[Event, Record], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Selector:
    """The beginning `path == 'literal'` of a condition. `read` returns the value at the path."""

    path: tuple[str, ...]
    literal: str
    read: Evaluate


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled `when`.

    `holds` decides all of it. If it begins with `path == 'literal'`, `selector` is that beginning, so that many
    conditions on one path can be looked up together, and `rest` decides the remainder (None: nothing remains).
    """

    holds: Predicate
    selector: Selector | None = None
    rest: Predicate | None = None


def compile_expression(text: str) -> Evaluate:
    """Return an expression as a function of an event (a dict) and its record.

    Raises ExpressionError if it does not parse, with the position and a hint. The returned function raises
    ExpressionError for events on which it cannot be evaluated, naming the function that failed and why, never a value.
    """
    return _evaluator(parse(text))


def compile_condition(text: str) -> Condition:
    """Return a `when` as a predicate of an event and its record. Raises ExpressionError if it does not parse."""
    tree = parse(text)
    first, *others = _conjuncts(tree)
    selector = _selector(first)
    if selector is None:
        return Condition(_predicate(tree))
    return Condition(_predicate(tree), selector, _predicate(_conjunction(others)) if others else None)


def compile_fields(fields: Fields) -> MapFields:
    """Return a route's fields as one function. A value is an expression, or {name → expression} for a nested object.

    A field that is null is left out, and so is a nested object without any field. Raises ExpressionError for an
    expression that does not parse; so does the returned function, with the field's name first
    (`customEventParams.level`).
    """
    trees = {path: _parse_field(path, expression) for path, expression in _flatten(fields)}
    generator = Generator()
    generator.namespace["ExpressionError"] = ExpressionError
    lines = ["out = {}", *generator.share(trees.values()), "try:"]
    for name, value in fields.items():
        if isinstance(value, str):
            lines += _assign(generator, "out", (name,), trees[name,])
            continue
        lines.append("    nested = {}")
        for inner in value:
            lines += _assign(generator, "nested", (name, inner), trees[name, inner])
        lines.append(f"    if nested: out[{name!r}] = nested")
    lines += ["    pass", "except ExpressionError as error:"]
    lines += ["    raise ExpressionError(f'{field}: {error}') from None", "return out"]
    function: MapFields = _function(generator, lines)
    return function


def _flatten(fields: Fields) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in fields.items():
        if isinstance(value, str):
            yield (name,), value
        else:
            yield from (((name, inner), expression) for inner, expression in value.items())


def _parse_field(path: tuple[str, ...], expression: str) -> Node:
    try:
        return parse(expression)
    except ExpressionError as error:
        raise ExpressionError(f"{'.'.join(path)}: {error}") from None


def _assign(generator: Generator, target: str, path: tuple[str, ...], tree: Node) -> list[str]:
    return [
        f"    field = {'.'.join(path)!r}",
        f"    value = {generator.value(tree)}",
        f"    if value is not None: {target}[{path[-1]!r}] = value",
    ]


def _evaluator(tree: Node) -> Evaluate:
    generator = Generator()
    function: Evaluate = _function(generator, [f"return {generator.value(tree)}"])
    return function


def _predicate(tree: Node) -> Predicate:
    generator = Generator()
    function: Predicate = _function(generator, [f"return {generator.condition(tree)}"])
    return function


def _function(generator: Generator, lines: Sequence[str]) -> Any:
    source = "\n    ".join([f"def compiled({EVENT}, {RECORD}):", *lines])
    # The source is the generator's own: names that it chose, and the repr() of constants.
    exec(compile(source, "<expression>", "exec"), generator.namespace)  # noqa: S102
    return generator.namespace["compiled"]


def _conjuncts(tree: Node) -> list[Node]:
    """Return `a && b && c` as [a, b, c]. They are evaluated in this order, each only if all before it were true."""
    others: list[Node] = []
    while tree["type"] == "and_expression":
        tree, right = tree["children"]
        others.insert(0, right)
    return [tree, *others]


def _conjunction(trees: Sequence[Node]) -> Node:
    joined, *others = trees
    for tree in others:
        joined = {"type": "and_expression", "children": [joined, tree]}
    return joined


def _selector(tree: Node) -> Selector | None:
    if tree["type"] != "comparator" or tree["value"] != "eq":
        return None
    for path, literal in (tree["children"], reversed(tree["children"])):
        names = _plain_path(path)
        if names and literal["type"] == "literal" and type(literal["value"]) is str:
            return Selector(names, literal["value"], _evaluator(path))
    return None


def _plain_path(tree: Node) -> tuple[str, ...]:
    """Return the names of a plain path such as user.id; empty if the tree is anything else."""
    nodes = tree["children"] if tree["type"] == "subexpression" else [tree]
    return tuple(node["value"] for node in nodes) if all(node["type"] == "field" for node in nodes) else ()
