"""Expressions as Python functions: one of an expression, one of a `when`, one of all the fields of a route."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.generator import ELEMENT, EVENT, RECORD, Generator, execute
from connector.expressions.nodes import Node, plain_path
from connector.expressions.parser import parse
from connector.model import Evaluate, Event, Record

# Field → expression, or → the nested object's names → expressions.
Fields = Mapping[str, str | Mapping[str, str]]
# True if an expression is true of an event. Raises ExpressionError.
Predicate = Callable[[Event, Record], bool]
# All fields of a route, by their names; those that are null are left out. Raises ExpressionError, naming the field.
MapFields = Callable[[Event, Record], dict[str, Any]]
# The same for one element of a list of the event: event, record, element → fields.
MapElement = Callable[[Event, Record, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Selector:
    """The beginning `path == 'literal'` of a condition. `read` gives the value at the path."""

    path: tuple[str, ...]
    literal: str
    read: Evaluate


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled `when`.

    `holds` decides it whole. Where it begins with `path == 'literal'`, `selector` is that beginning, so that many
    conditions on one path can be looked up together, and `rest` decides the remainder (None: nothing remains).
    """

    holds: Predicate
    selector: Selector | None = None
    rest: Predicate | None = None


def compile_expression(text: str) -> Evaluate:
    """Return an expression as a function of an event (a dict) and its record.

    Raises ExpressionError if it does not parse, saying where and what would be right. The function raises it on
    events that it cannot be evaluated on, naming the function that refused and why, never a value.
    """
    return compile_tree(parse(text))


def compile_condition(text: str) -> Condition:
    """Return a `when` as functions that decide it for an event. Raises ExpressionError as above."""
    tree = parse(text)
    first, *others = tree.children if tree.kind == "and" else (tree,)
    selector = _selector(first)
    if selector is None:
        return Condition(_truth(tree))
    return Condition(_truth(tree), selector, _truth(_conjunction(others)) if others else None)


def field_names(fields: Fields) -> tuple[str, ...]:
    """Return the names of a route's fields, each once, a nested one with its object's: `customEventParams.level`."""
    return tuple(dict.fromkeys(".".join(path) for path, _ in _flat(fields)))


def compile_fields(fields: Fields, tally: list[int] | None = None) -> MapFields:
    """Return the fields of a route as one function: name → expression, or name → {name → expression}.

    A field that is null is left out, and so is a nested object of which nothing is left. Raises ExpressionError for
    an expression that does not parse; so does the function, with the field's name first (`customEventParams.level`).

    With `tally` the function counts there: in tally[0] its calls, those that raise included, and in tally[n] how often
    the n-th of `field_names` came out null or as an empty text, which a vendor's method leaves out as it does null.
    """
    function: MapFields = _fields_function(fields, Generator(), (EVENT, RECORD), tally)
    return function


def compile_element_fields(fields: Fields, tally: list[int] | None = None) -> MapElement:
    """Return the same for a route with `each`: paths begin at the element, `@` is the element, `$` the event."""
    function: MapElement = _fields_function(fields, Generator(start=ELEMENT), (EVENT, RECORD, ELEMENT), tally)
    return function


def _fields_function(fields: Fields, generator: Generator, parameters: Sequence[str], tally: list[int] | None) -> Any:
    trees = {path: _parsed(path, expression) for path, expression in _flat(fields)}
    slots = {name: place for place, name in enumerate(field_names(fields), 1)}
    generator.namespace["tally"] = tally
    assign = partial(_assign, generator, None if tally is None else slots)
    counted = [] if tally is None else ["tally[0] += 1"]
    lines = [*counted, "out = {}", *generator.share(trees.values()), "try:"]
    for name, value in fields.items():
        if isinstance(value, str):
            lines += assign("out", (name,), trees[name,])
            continue
        lines.append("    nested = {}")
        for inner in value:
            lines += assign("nested", (name, inner), trees[name, inner])
        lines.append(f"    if nested: out[{name!r}] = nested")
    lines += ["    pass", "except ExpressionError as error:"]
    lines += ["    raise ExpressionError(f'{field}: {error}', name=error.name) from None", "return out"]
    return _function(generator, lines, parameters)


def _flat(fields: Fields) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in fields.items():
        if isinstance(value, str):
            yield (name,), value
        else:
            yield from (((name, inner), expression) for inner, expression in value.items())


def _parsed(path: tuple[str, ...], expression: str) -> Node:
    try:
        return parse(expression)
    except ExpressionError as error:
        raise ExpressionError(f"{'.'.join(path)}: {error}", name=error.name) from None


def _assign(
    generator: Generator, slots: Mapping[str, int] | None, target: str, path: tuple[str, ...], tree: Node
) -> list[str]:
    """Return the statements that compute one field into `target`, and count its nulls where `slots` says."""
    name = ".".join(path)
    put = f"{target}[{path[-1]!r}] = value"
    lines = [f"    field = {name!r}", f"    value = {generator.value(tree)}"]
    if slots is None:
        return [*lines, f"    if value is not None: {put}"]
    return [  # a field with a value costs one test, as it does uncounted
        *lines,
        f"    if value: {put}",
        "    else:",
        f"        if value is not None: {put}",
        f"        if value is None or value == '': tally[{slots[name]}] += 1",
    ]


def compile_tree(tree: Node) -> Evaluate:
    """Return a tree, or a part of one that names nothing bound around it, as compile_expression returns a text."""
    generator = Generator()
    function: Evaluate = _function(generator, [f"return {generator.value(tree)}"])
    return function


def _truth(tree: Node) -> Predicate:
    generator = Generator(condition=True)
    function: Predicate = _function(generator, [f"return {generator.truth(tree)}"])
    return function


def _function(generator: Generator, lines: Sequence[str], parameters: Sequence[str] = (EVENT, RECORD)) -> Any:
    generator.namespace.update(ExpressionError=ExpressionError, unevaluable=_unevaluable)
    body = [f"    {line}" for line in lines]
    net = ["except ExpressionError: raise", "except Exception as error: raise unevaluable(error) from None"]
    source = "\n    ".join([f"def compiled({', '.join(parameters)}):", "try:", *body, *net])
    execute(source, generator.namespace)
    return generator.namespace["compiled"]


def _unevaluable(error: Exception) -> ExpressionError:
    """A mistake of ours, or an event that no memory or stack holds: said without the values that Python quotes."""
    return ExpressionError(f"it cannot be evaluated on this event ({type(error).__name__})")


def _conjunction(trees: Sequence[Node]) -> Node:
    return trees[0] if len(trees) == 1 else Node("and", None, tuple(trees), trees[0].column)


def _selector(tree: Node) -> Selector | None:
    if tree.kind != "compare" or tree.value != "==":
        return None
    for path, literal in (tree.children, reversed(tree.children)):
        names = plain_path(path)
        if names and literal.kind == "literal" and type(literal.value) is str:
            return Selector(names, literal.value, compile_tree(path))
    return None
