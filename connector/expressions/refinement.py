"""What a condition says of an event where it holds, and where it does not: shapes narrowed by it.

`when: order.id && total > 100` leaves only events that have an order.id, and a total that is a number.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from connector.expressions.library import FUNCTIONS
from connector.expressions.nodes import Node
from connector.expressions.shape_paths import Keep, narrowed
from connector.expressions.shape_sets import both, of_value, union
from connector.expressions.shapes import (
    IMPOSSIBLE,
    KINDS,
    MOST_FORMS,
    NOTHING,
    Shape,
    falsy,
    kept,
    truthy,
    with_texts,
    without_null,
)
from connector.expressions.signatures import (
    ANY,
    ARRAY,
    BOOLEAN,
    EXPRESSION,
    NULL,
    NULL_OF_NULL,
    NUMBER,
    OBJECT,
    TEXT,
    Function,
    kinds_of,
)

_BY_TYPE = {"string": TEXT, "number": NUMBER, "boolean": BOOLEAN, "array": ARRAY, "object": OBJECT, "null": NULL}
_BEGINS = {"starts_with": str.startswith, "ends_with": str.endswith}


class Value(NamedTuple):
    """What an expression gives; `where` is the path that it is, as a person would write it ("" if it is none)."""

    shape: Shape
    where: str = ""


class Scope(NamedTuple):
    """What an expression is evaluated on. `at_event`: the current value is the event itself, not a part of it."""

    event: Shape
    current: Value
    variables: Mapping[str, Value]
    at_event: bool

    @classmethod
    def of_event(cls, event: Shape) -> Scope:
        """Return what a `when` is evaluated on."""
        return cls(event, Value(event), {}, True)

    def on(self, current: Value) -> Scope:
        """Return the scope of what is evaluated on a part of the event."""
        return self._replace(current=current, at_event=False)

    @property
    def is_possible(self) -> bool:
        """False if no event is evaluated here."""
        shapes = (self.event, self.current.shape, *(value.shape for value in self.variables.values()))
        return all(shape.kinds for shape in shapes)


def assume(scope: Scope, node: Node, *, truth: bool) -> Scope:
    """Return what is left of a scope where an expression is true, or where it is not."""
    refine = _CONDITIONS.get(node.kind)
    if refine is not None:
        return refine(scope, node, truth)
    return _narrow(scope, node, truthy if truth else falsy)


def _logical(scope: Scope, node: Node, truth: bool) -> Scope:
    if (node.kind == "and") == truth:  # each operand says the same
        return reduce(lambda left, child: assume(left, child, truth=truth), node.children, scope)
    ways, rest = [], scope
    for child in node.children:
        ways.append(assume(rest, child, truth=truth))
        rest = assume(rest, child, truth=not truth)
    return _one_of(scope, ways)


def _one_of(scope: Scope, ways: Sequence[Scope]) -> Scope:
    possible = [way for way in ways if way.is_possible]
    if len(possible) < 2:
        return possible[0] if possible else ways[0]
    if sum(len(way.event.forms) + len(way.current.shape.forms) for way in possible) > MOST_FORMS:
        return scope
    event = union(way.event for way in possible)
    current = event if scope.at_event else union(way.current.shape for way in possible)
    variables = {
        name: value._replace(shape=union(way.variables[name].shape for way in possible))
        for name, value in scope.variables.items()
    }
    return Scope(event, scope.current._replace(shape=current), variables, scope.at_event)


def _compare(scope: Scope, node: Node, truth: bool) -> Scope:
    left, right = node.children
    if node.value not in ("==", "!="):
        if not truth:  # they may be out of order, or no numbers or texts at all
            return _evaluated(_evaluated(scope, left), right)
        return _narrow(_narrow(scope, left, _of_kinds({NUMBER, TEXT})), right, _of_kinds({NUMBER, TEXT}))
    equal = (node.value == "==") == truth
    for literal, other in ((left, right), (right, left)):
        if literal.kind == "literal":
            kind = _kind_asked(other, literal.value)
            if kind is not None:
                return _narrow(scope, other.children[0], _of_kinds({kind} if equal else KINDS - {kind}))
            return _narrow(scope, other, _is_value(literal.value) if equal else _is_not_value(literal.value))
    return _evaluated(_evaluated(scope, left), right)


def _kind_asked(node: Node, value: Any) -> str | None:
    """Return the kind that type(x) == 'string' asks for."""
    is_type = node.kind == "call" and node.value == "type"
    return _BY_TYPE.get(value) if is_type and type(value) is str else None


def _of_kinds(kinds: Iterable[str]) -> Keep:
    wanted = frozenset(kinds)
    return lambda shape: kept(shape, wanted)


def _is_value(value: Any) -> Keep:
    return lambda shape: both(shape, of_value(value)) if shape.can_be(value) else IMPOSSIBLE


def _is_not_value(value: Any) -> Keep:
    if value is None:
        return without_null
    if type(value) is not str:
        return lambda shape: shape
    return lambda shape: shape if shape.texts is None else with_texts(shape, shape.texts - {value})


def _call(scope: Scope, node: Node, truth: bool) -> Scope:
    scope = _narrow(scope, node, truthy if truth else falsy)
    first, second = node.children[:2] if len(node.children) > 1 else (None, None)
    if first is None or second is None:
        return scope
    begins = _BEGINS.get(node.value)
    if begins is not None and second.kind == "literal" and type(second.value) is str:
        part = second.value
        return _narrow(scope, first, _text_that(lambda text: begins(text, part) == truth))
    listed = literals(first)
    if node.value == "contains" and truth and listed is not None:
        return _narrow(scope, second, lambda shape: union(_is_value(value)(shape) for value in listed))
    return scope


def _text_that(test: Callable[[str], bool]) -> Keep:
    return lambda shape: shape if shape.texts is None else with_texts(shape, frozenset(filter(test, shape.texts)))


def literals(node: Node) -> list[Any] | None:
    """Return the values of a list of literals, or of a literal array; None for anything else."""
    if node.kind == "literal" and type(node.value) is list:
        return node.value
    is_list = node.kind == "list" and all(child.kind == "literal" for child in node.children)
    return [child.value for child in node.children] if is_list else None


def _literal(scope: Scope, node: Node, truth: bool) -> Scope:
    holds = bool(truthy(of_value(node.value)).kinds) and node.value not in ([], {})
    return scope if holds == truth else scope._replace(event=IMPOSSIBLE)


_CONDITIONS: Mapping[str, Callable[[Scope, Node, bool], Scope]] = {
    "and": _logical,
    "or": _logical,
    "not": lambda scope, node, truth: assume(scope, node.children[0], truth=not truth),
    "compare": _compare,
    "call": _call,
    "literal": _literal,
}


def _narrow(scope: Scope, node: Node, keep: Keep) -> Scope:
    """Return what is left of a scope where `keep` holds of an expression's value."""
    place = _place(node)
    if place is not None:
        return _at(scope, *place, keep)
    scope = _evaluated(scope, node)
    if keep(NOTHING).kinds:
        return scope
    # The value is not null, and so are the values that would have made it null.
    if node.kind in ("arithmetic", "sign"):
        for child in node.children:
            scope = _narrow(scope, child, _of_kinds({NUMBER}))
    elif node.kind == "projection" or (node.kind == "call" and _is_null_of_null(FUNCTIONS[node.value])):
        scope = _narrow(scope, node.children[0], without_null)
    elif node.kind == "chain":
        first, *_ = node.children
        fields = next((at for at, child in enumerate(node.children) if at and child.kind != "field"), 1)
        follows = node.children[fields].kind if fields < len(node.children) else ""
        if follows in ("field", "index", "slice"):
            begin = Node("chain", None, node.children[:fields], node.column) if fields > 1 else first
            scope = _narrow(scope, begin, without_null)
    return scope


def _evaluated(scope: Scope, node: Node) -> Scope:
    """Return what is left of a scope where a call did not raise: its arguments are of the kinds that it takes."""
    if node.kind != "call" or not node.children:
        return scope
    function = FUNCTIONS[node.value]
    arguments = node.children[:1] if function.null_passes else node.children
    for index, argument in enumerate(arguments):
        takes = function.takes(index)
        if ANY not in takes and EXPRESSION not in takes:
            kinds = kinds_of(takes) | ({NULL} if function.null_passes else set())
            scope = _narrow(scope, argument, _of_kinds(kinds))
    return scope


def _is_null_of_null(function: Function) -> bool:
    return function.null_passes or NULL_OF_NULL in function.gives


def _place(node: Node) -> tuple[Node, tuple[str, ...]] | None:
    """Return where a path of names begins, and its names; None for what is no such path."""
    first, *rest = node.children if node.kind == "chain" else (node,)
    if first.kind not in ("field", "current", "root", "variable") or any(each.kind != "field" for each in rest):
        return None
    names = tuple(each.value for each in rest)
    return first, (first.value, *names) if first.kind == "field" else names


def _at(scope: Scope, begin: Node, names: Sequence[str], keep: Keep) -> Scope:
    if begin.kind == "variable":
        value = scope.variables[begin.value]
        narrower = value._replace(shape=narrowed(value.shape, names, keep))
        return scope._replace(variables={**scope.variables, begin.value: narrower})
    if scope.at_event or begin.kind == "root":
        event = narrowed(scope.event, names, keep)
        current = scope.current._replace(shape=event) if scope.at_event else scope.current
        return scope._replace(event=event, current=current)
    return scope._replace(current=scope.current._replace(shape=narrowed(scope.current.shape, names, keep)))


def paths(tree: Node) -> list[tuple[str, ...]]:
    """Return the paths of names in an expression that begin at the event, and what they are the beginnings of."""
    found, stack = [], [tree]
    while stack:
        node = stack.pop()
        place = _place(node)
        if place is not None and place[0].kind in ("field", "root", "current"):
            found.append(place[1])
        elif node.kind == "chain":  # what follows the first part is evaluated on that
            begin = itertools.takewhile(lambda each: each.kind == "field", node.children)
            found.append(tuple(child.value for child in begin))
            stack.append(node.children[0])
        else:
            stack.extend(node.children)
    return found


def is_path(node: Node) -> bool:
    """True if an expression is a path of names."""
    return _place(node) is not None
