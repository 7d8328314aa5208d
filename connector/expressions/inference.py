"""What an expression gives, by what is known of the event, and what in it can never be right.

Every value that the expression gives for an event of that shape fits the inferred shape. A finding says what is so for
every such event: a name that none has, kinds that never meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from connector.expressions import mismatches, results
from connector.expressions.mismatches import UNKNOWN_FIELD, WRONG_TYPE, Finding
from connector.expressions.nodes import Node
from connector.expressions.refinement import Scope, Value, assume
from connector.expressions.shape_paths import look_up
from connector.expressions.shape_sets import any_value, of_value, union
from connector.expressions.shapes import (
    ANYTHING,
    IMPOSSIBLE,
    KINDS,
    NOTHING,
    NULLABLE,
    OPTIONAL,
    Shape,
    array_of,
    falsy,
    kept,
    object_of,
    of_kinds,
    or_null,
    truthy,
    without_null,
)
from connector.expressions.signatures import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, TEXT

# What a projection goes over, by its kind.
_PROJECTS = {
    "object": frozenset({OBJECT}),
    "list": frozenset({ARRAY}),
    "filter": frozenset({ARRAY}),
    "slice": frozenset({ARRAY, TEXT}),
}


class Inferred(NamedTuple):
    """What an expression gives, and what in it can never be right."""

    shape: Shape
    findings: Sequence[Finding]


def infer(tree: Node, scope: Scope, source: str = "the schema") -> Inferred:
    """Return what an expression gives in a scope.

    Findings are those that follow from the shapes there: what is wrong for any event at all is not among them. `source`
    is how their messages call where the shapes are from.
    """
    inference = _Inference(source)
    value = inference.value(tree, scope)
    anyhow = _Inference(source)
    anyhow.value(tree, Scope(ANYTHING, Value(ANYTHING), {}, scope.at_event))
    known = {(finding.name, finding.column) for finding in anyhow.findings}
    return Inferred(value.shape, [each for each in inference.findings if (each.name, each.column) not in known])


class _Inference:
    """One expression's findings, each once, gathered while its value is inferred."""

    def __init__(self, source: str) -> None:
        self.findings: dict[Finding, None] = {}
        self._source = source
        self._nodes: Mapping[str, Callable[[Node, Scope], Value]] = {
            "field": self._field,
            "index": self._index,
            "slice": self._slice,
            "chain": self._chain,
            "projection": self._projection,
            "flatten": self._flatten,
            "current": lambda _node, scope: scope.current,
            "root": lambda _node, scope: Value(scope.event, "$"),
            "variable": lambda node, scope: scope.variables[node.value],
            "literal": lambda node, _scope: Value(of_value(node.value)),
            "compare": self._compare,
            "arithmetic": self._arithmetic,
            "sign": self._arithmetic,
            "and": self._and_or,
            "or": self._and_or,
            "not": self._not,
            "list": self._list,
            "object": self._object,
            "call": self._call,
            "let": self._let,
        }

    def value(self, node: Node, scope: Scope) -> Value:
        """Return what a node gives."""
        return self._nodes[node.kind](node, scope)

    def _find(self, name: str, message: str | None, column: int) -> None:
        if message is not None:
            self.findings[Finding(name, message, column)] = None

    # --- paths ---------------------------------------------------------------------------------------------------

    def _field(self, node: Node, scope: Scope) -> Value:
        base, name = scope.current, node.value
        where = f"{base.where}.{name}" if base.where else name if scope.at_event else ""
        self._find(WRONG_TYPE, mismatches.no_part(base, f".{name}", {OBJECT}, self._source), node.column)
        if OBJECT not in base.shape.kinds:
            return Value(_null_of(base), where)
        found = look_up(base.shape, name)
        said = mismatches.unknown_name(base, name, where or f"….{name}", found, self._source)
        self._find(UNKNOWN_FIELD, said, node.column)
        return Value(_explained(found.shape, where), where)

    def _index(self, node: Node, scope: Scope) -> Value:
        base, part = scope.current, f"[{node.value}]"
        self._find(WRONG_TYPE, mismatches.no_part(base, part, {ARRAY}, self._source), node.column)
        if ARRAY not in base.shape.kinds:
            return Value(_null_of(base))
        return Value(_with_null_of(base, or_null(base.shape.element())), base.where and base.where + part)

    def _slice(self, node: Node, scope: Scope) -> Value:
        base = scope.current
        self._find(WRONG_TYPE, mismatches.no_part(base, "[…]", {ARRAY, TEXT}, self._source), node.column)
        return Value(_with_null_of(base, _sliced(base.shape)))

    def _chain(self, node: Node, scope: Scope) -> Value:
        value = scope.current
        for child in node.children:
            value = self.value(child, scope)
            if child.kind != "current":  # @.user is user
                scope = scope.on(value)
        return value

    def _projection(self, node: Node, scope: Scope) -> Value:
        base = self.value(node.children[0], scope)
        kinds = _PROJECTS[node.value]
        part = ".*" if node.value == "object" else "[]"
        self._find(WRONG_TYPE, mismatches.no_part(base, part, kinds, self._source), node.column)
        if not base.shape.kinds & kinds:
            return Value(_null_of(base))
        found = []
        if node.value == "object" or ARRAY in base.shape.kinds:
            inner = _values(base.shape) if node.value == "object" else base.shape.element()
            each = scope.on(Value(inner, base.where and base.where + part))
            found.append(array_of(without_null(self._projected(node, each))))
        if node.value == "slice" and TEXT in base.shape.kinds:  # of a text there is one element, itself
            found.append(or_null(self._projected(node, scope.on(Value(of_kinds({TEXT}))))))
        return Value(_with_null_of(base, union(found), kinds))

    def _projected(self, node: Node, scope: Scope) -> Shape:
        if node.value == "filter":
            self.value(node.children[2], scope)
            scope = assume(scope, node.children[2], truth=True)
            if not scope.is_possible:
                return IMPOSSIBLE
        return self.value(node.children[1], scope).shape

    def _flatten(self, node: Node, scope: Scope) -> Value:
        base = self.value(node.children[0], scope)
        self._find(WRONG_TYPE, mismatches.no_part(base, "[]", {ARRAY}, self._source), node.column)
        if ARRAY not in base.shape.kinds:
            return Value(_null_of(base))
        element = base.shape.element()
        parts = [kept(element, KINDS - {ARRAY}), element.element() if ARRAY in element.kinds else IMPOSSIBLE]
        return Value(_with_null_of(base, array_of(union(parts)), {ARRAY}), base.where)

    # --- operators -----------------------------------------------------------------------------------------------

    def _compare(self, node: Node, scope: Scope) -> Value:
        left, right = node.children
        values = (self.value(left, scope), self.value(right, scope))
        finding = mismatches.comparison(node.value, (left, right), values, self._source)
        if finding is not None:
            self.findings[finding] = None
        is_order = node.value not in ("==", "!=")
        return Value(of_kinds({BOOLEAN, NULL} if is_order else {BOOLEAN}))

    def _arithmetic(self, node: Node, scope: Scope) -> Value:
        values = [self.value(child, scope) for child in node.children]
        for child, value in zip(node.children, values, strict=True):
            finding = mismatches.operand(node.value, child, value, self._source)
            if finding is not None:
                self.findings[finding] = None
        number = of_kinds({NUMBER})
        nulls = [value.shape for value in values if not value.shape.never_null]
        return Value(or_null(number, next((each.because for each in nulls if each.because), "")) if nulls else number)

    def _and_or(self, node: Node, scope: Scope) -> Value:
        goes_on = node.kind == "and"
        stops = falsy if goes_on else truthy
        *others, last = node.children
        found, known, before = [], True, scope
        for index, child in enumerate(others):
            shape = self.value(child, scope).shape
            found.append(stops(shape))
            # Where (a || b) goes on to b only because a is empty or false, it is not b's being optional that matters.
            known = known and (goes_on or shape.known_null)
            scope = assume(scope, child, truth=goes_on)
            if not scope.is_possible:  # what follows is never reached, and yet may be mistaken, too
                for each in node.children[index + 1 :]:
                    self.value(each, before)
                return Value(union(found))
        ends = self.value(last, scope).shape
        return Value(union([*found, ends if known else replace(ends, because="")]))

    def _not(self, node: Node, scope: Scope) -> Value:
        self.value(node.children[0], scope)
        return Value(of_kinds({BOOLEAN}))

    # --- lists, objects, calls -----------------------------------------------------------------------------------

    def _list(self, node: Node, scope: Scope) -> Value:
        made = array_of(union(self.value(child, scope).shape for child in node.children))
        return Value(_with_null_of(scope.current, made, KINDS - {NULL}))

    def _object(self, node: Node, scope: Scope) -> Value:
        made = object_of(
            {name: self.value(child, scope).shape for name, child in zip(node.value, node.children, strict=True)}
        )
        return Value(_with_null_of(scope.current, made, KINDS - {NULL}))

    def _call(self, node: Node, scope: Scope) -> Value:
        given = [None if child.kind == "expression" else self.value(child, scope) for child in node.children]
        array = next((value for value in given if value is not None), Value(ANYTHING))
        element = array.shape.element() if ARRAY in array.shape.kinds else IMPOSSIBLE
        inner = scope.on(Value(element, array.where and f"{array.where}[]"))
        arguments = [
            self.value(child.children[0], inner) if value is None else value
            for child, value in zip(node.children, given, strict=True)
        ]
        for finding in mismatches.call(node, arguments, self._source):
            self.findings[finding] = None
        return Value(_explained(results.result(node, arguments), f"what {node.value}() finds"))

    def _let(self, node: Node, scope: Scope) -> Value:
        *values, body = node.children
        bound = {name: self.value(value, scope) for name, value in zip(node.value, values, strict=True)}
        return self.value(body, scope._replace(variables={**scope.variables, **bound}))


def _null_of(base: Value) -> Shape:
    """Return what a part of a value is that has no parts: null, if there is such a value at all."""
    return replace(NOTHING, because=base.shape.because) if base.shape.kinds else IMPOSSIBLE


def _with_null_of(base: Value, shape: Shape, kinds: frozenset[str] | set[str] = frozenset()) -> Shape:
    """Return a shape that is also null where the value that it was made of is; of `kinds` it was made without null."""
    if base.shape.known_null:
        return replace(shape, kinds=shape.kinds | {NULL}, because=base.shape.because)
    return or_null(shape) if base.shape.kinds - kinds else shape


def _explained(shape: Shape, where: str) -> Shape:
    if shape.because in (OPTIONAL, NULLABLE):
        return replace(shape, because=f"{where or 'a value'} {shape.because}")
    return shape


def _sliced(shape: Shape) -> Shape:
    array = kept(shape, frozenset({ARRAY}))
    return union([array, of_kinds({TEXT})]) if TEXT in shape.kinds else array


def _values(shape: Shape) -> Shape:
    return union(any_value(form) for form in shape.forms)
