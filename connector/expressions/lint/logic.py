"""Which events a condition can hold for: whether for none, for all, or only for those that another takes.

A condition is taken apart into atoms: what is read, and a test of it (`== literal`, `< number`, in a list, begins with,
is true). Each atom's subject is tried on one value of every kind and range that the tests can tell apart. Subjects
count as independent of each other, and parts that no test describes as able to be anything: both can only make a
condition seem possible that is not. So a yes is certain, but for events on which a condition raises.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS
from connector.expressions.lint.inference import constant, is_constant, is_true
from connector.expressions.lint.places import is_literal
from connector.expressions.lint.render import render
from connector.expressions.nodes import Node
from connector.expressions.numbers import exact
from connector.expressions.semantics import equal, order

# A condition with more alternatives than this is not decided.
_MOST_CLAUSES = 256
# A character that no literal holds: it makes texts that are none of those named.
_FRESH = "\ue000"
_ORDERS = frozenset({"<", "<=", ">", ">="})
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Atom(NamedTuple):
    """A test of what a part of the event gives. `subject` is that part's text, `values` are the literals it names."""

    subject: str
    test: str
    values: tuple[Any, ...]
    holds: bool


class UndecidedError(Exception):
    """A condition has too many alternatives to be looked at."""


# Atoms that hold together.
Clause = tuple[Atom, ...]


def never(condition: Node) -> bool:
    """True if a condition holds for no event."""
    return _is_impossible(lambda: _alternatives(condition, holds=True))


def always(condition: Node) -> bool:
    """True if a condition holds for every event on which it does not raise and where what it orders are numbers."""
    return _is_impossible(lambda: _alternatives(condition, holds=False), numbers=True)


def implies(narrow: Node, wide: Node) -> bool:
    """True if every event for which `narrow` holds is one for which `wide` holds (or raises)."""
    return _is_impossible(lambda: _joined([_alternatives(narrow, holds=True), _alternatives(wide, holds=False)]))


def _is_impossible(alternatives: Callable[[], list[Clause]], *, numbers: bool = False) -> bool:
    try:
        return not any(_is_possible(clause, numbers=numbers) for clause in alternatives())
    except UndecidedError:
        return False


# --- a condition as alternatives of atoms ------------------------------------------------------------------------


def _alternatives(node: Node, *, holds: bool) -> list[Clause]:
    """Return alternatives of which one is true where the condition holds, or does not. Raises UndecidedError."""
    if is_constant(node):
        return _of_constant(node, holds=holds)
    if node.kind == "not":
        return _alternatives(node.children[0], holds=not holds)
    if node.kind in ("and", "or"):
        parts = [_alternatives(child, holds=holds) for child in node.children]
        return _joined(parts) if (node.kind == "and") is holds else _limited([*itertools.chain(*parts)])
    return [(_atom(node, holds=holds),)]


def _of_constant(node: Node, *, holds: bool) -> list[Clause]:
    try:
        return [()] if is_true(constant(node)) is holds else []
    except ExpressionError:
        return []


def _joined(parts: Sequence[list[Clause]]) -> list[Clause]:
    """Return the alternatives of several conditions that hold at once."""
    joined: list[Clause] = [()]
    for part in parts:
        joined = _limited([(*one, *other) for one in joined for other in part])
    return joined


def _limited(clauses: list[Clause]) -> list[Clause]:
    if len(clauses) > _MOST_CLAUSES:
        raise UndecidedError
    return clauses


def _atom(node: Node, *, holds: bool) -> Atom:
    if node.kind == "compare":
        for (subject, other), sign in zip(
            (node.children, node.children[::-1]), (node.value, _MIRRORED[node.value]), strict=True
        ):
            is_equality = sign in ("==", "!=")
            if other.kind == "literal" and (is_equality or type(other.value) in NUMBERS):
                test = "==" if is_equality else sign
                return Atom(render(subject), test, (other.value,), holds=holds is (sign != "!="))
    if node.kind == "call" and node.value == "contains" and _is_list(node.children[0]):
        return Atom(render(node.children[1]), "in", tuple(constant(node.children[0])), holds=holds)
    if node.kind == "call" and node.value == "starts_with" and is_literal(node.children[1], str):
        return Atom(render(node.children[0]), "starts", (node.children[1].value,), holds=holds)
    return Atom(render(node), "true", (), holds=holds)


def _is_list(node: Node) -> bool:
    return is_literal(node, list) or (node.kind == "list" and is_constant(node))


# --- whether atoms can hold together -----------------------------------------------------------------------------


def _is_possible(clause: Clause, *, numbers: bool) -> bool:
    """True if the atoms can hold together. `numbers`: what is ordered is known to be a number."""
    by_subject: dict[str, list[Atom]] = {}
    for atom in clause:
        by_subject.setdefault(atom.subject, []).append(atom)
    return all(
        any(
            all(_fits(atom, value) for atom in atoms)
            for value in _trials(atoms)
            if not (numbers and any(atom.test in _ORDERS for atom in atoms)) or type(value) in NUMBERS
        )
        for atoms in by_subject.values()
    )


def _fits(atom: Atom, value: Any) -> bool:
    """True if a value passes an atom's test, or fails it as the atom says; never where the test raises."""
    try:
        return _TESTS[atom.test](value, atom.values) is atom.holds
    except ExpressionError:
        return False


def _starts(value: Any, values: tuple[Any, ...]) -> bool:
    if type(value) is not str:
        raise ExpressionError("starts_with() takes a text", name="wrong-kind")
    return value.startswith(values[0])


def _ordered(sign: str) -> Callable[[Any, tuple[Any, ...]], bool]:
    return lambda value, values: bool(order(sign, value, values[0]))


_TESTS: Mapping[str, Callable[[Any, tuple[Any, ...]], bool]] = {
    "true": lambda value, _values: is_true(value),
    "==": lambda value, values: equal(value, values[0]),
    # contains() is Python's `in`, for which 1 and true are one.
    "in": lambda value, values: value in values,
    "starts": _starts,
    **{sign: _ordered(sign) for sign in _ORDERS},
}


def _trials(atoms: Sequence[Atom]) -> Iterator[Any]:
    """Yield a value of every kind and range that these atoms can tell apart."""
    named = [value for atom in atoms for value in atom.values]
    yield from (None, True, False, "", _FRESH, [], [_FRESH], {}, {_FRESH: _FRESH})
    yield from named
    yield from (value + _FRESH for value in named if type(value) is str)
    numbers = sorted({exact(value) for value in named if type(value) in NUMBERS})
    yield from numbers or (0,)
    if numbers:
        yield from (numbers[0] - 1, numbers[-1] + 1)
        yield from ((one + other) / 2 for one, other in itertools.pairwise(numbers))


def impossible_parts(condition: Node) -> list[tuple[Node, bool]]:
    """Return the smallest parts of a condition that hold for no event (with false), or for every one (with true)."""
    if condition.kind not in ("and", "or", "not"):
        return []
    inner = [part for child in condition.children for part in impossible_parts(child)]
    if inner or condition.kind == "not" or is_constant(condition):
        return inner
    if never(condition):
        return [(_least(condition, never), False)]
    return [(_least(condition, always), True)] if always(condition) else []


def _least(condition: Node, is_so: Callable[[Node], bool]) -> Node:
    """Return two operands of which alone it is so, if two suffice; else the whole."""
    pairs = (condition._replace(children=pair) for pair in itertools.combinations(condition.children, 2))
    return next(filter(is_so, pairs), condition)
