"""Routes that send an event to a vendor twice: one takes all that another of the same sink and method takes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from connector.errors import Mistake
from connector.expressions.lint.logic import implies, never
from connector.expressions.lint.render import render
from connector.expressions.nodes import Node
from connector.expressions.parser import parse
from connector.routing.plan import matches
from connector.settings.values import Route, Settings
from connector.vendors.registry import VENDORS


class _Condition(NamedTuple):
    """A route's `when` (None: every event). `known` has what it says is equal to a literal, by its text."""

    route: Route
    tree: Node | None
    known: Mapping[str, Node]


def overlaps(settings: Settings) -> Iterator[Mistake]:
    """Yield the routes all of whose events another route of the same sink and method takes, too."""
    groups: dict[tuple[str, str, str], list[_Condition]] = {}
    for route in settings.routes:
        items = "" if route.each is None else render(parse(route.each))  # items of two lists are not the same
        groups.setdefault((route.sink, route.method, items), []).append(_condition(route))
    for pair in itertools.chain.from_iterable(map(_pairs, groups.values())):
        earlier, later = sorted(pair, key=lambda each: each.route.index)
        for narrow, wide in ((later, earlier), (earlier, later)):
            if _reads_within(narrow.route.topics, wide.route.topics) and _takes_within(narrow, wide):
                if not _is_other_event(settings, narrow, wide):
                    yield _overlap(narrow, wide)
                break


def _condition(route: Route) -> _Condition:
    tree = None if route.when is None else parse(route.when)
    known = {}
    if tree is not None:
        for part in tree.children if tree.kind == "and" else (tree,):
            if part.kind == "compare" and part.value == "==" and part.children[1].kind == "literal":
                known[render(part.children[0])] = part.children[1]
    return _Condition(route, tree, known)


def _pairs(conditions: Sequence[_Condition]) -> Iterator[tuple[_Condition, _Condition]]:
    """Yield the pairs of which one may take what the other takes: of a thousand types, no two of different ones."""
    subjects = Counter(subject for condition in conditions for subject in condition.known)
    if not subjects:
        yield from itertools.combinations(conditions, 2)
        return
    subject = subjects.most_common(1)[0][0]
    others = [condition for condition in conditions if subject not in condition.known]
    by_value: dict[str, list[_Condition]] = {}
    for condition in conditions:
        if subject in condition.known:
            by_value.setdefault(render(condition.known[subject]), []).append(condition)
    yield from itertools.combinations(others, 2)
    for same in by_value.values():
        yield from itertools.combinations(same, 2)
        yield from itertools.product(others, same)


def _reads_within(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    """True if every topic of one route is certainly read by the other."""
    return all(
        name in wide or (not name.startswith("^") and any(matches(other, name) for other in wide)) for name in narrow
    )


def _takes_within(narrow: _Condition, wide: _Condition) -> bool:
    """True if every event that one condition takes is certainly taken by the other."""
    if narrow.tree is None or wide.tree is None:
        return wide.tree is None
    return implies(narrow.tree, wide.tree)


def _is_other_event(settings: Settings, narrow: _Condition, wide: _Condition) -> bool:
    """True if a required field is certainly another in each of the two routes, such as the event's name.

    That the vendor gets two events is meant then.
    """
    route = narrow.route
    method = VENDORS[settings.sinks[route.sink].kind].methods.get(route.method)
    for group in () if method is None else method.required:
        pair = [each.route.fields.get(group[0]) for each in (narrow, wide)]
        first, second = (parse(field) if isinstance(field, str) else None for field in pair)
        if len(group) == 1 and first is not None and second is not None and _differ(first, second, narrow):
            return True
    return False


def _differ(one: Node, other: Node, condition: _Condition) -> bool:
    """True if two expressions are certainly unequal for each event that a condition takes."""
    equality = Node("compare", "==", (one, other), 0)
    if condition.tree is None:
        return never(equality)
    return never(_substituted(equality, condition.known)) or never(Node("and", None, (condition.tree, equality), 0))


def _substituted(tree: Node, known: Mapping[str, Node]) -> Node:
    """Return a tree with the values in place of what is known: type where type == 'order.paid'."""
    if tree.kind == "expression":
        return tree
    value = known.get(render(tree)) if tree.children or tree.kind == "field" else None
    if value is not None:
        return value
    # What follows in a chain or a projection is read of something else than the event.
    kept = 1 if tree.kind in ("chain", "projection") else len(tree.children)
    children = (*(_substituted(child, known) for child in tree.children[:kept]), *tree.children[kept:])
    return tree._replace(children=children)


def _overlap(narrow: _Condition, wide: _Condition) -> Mistake:
    route, other = narrow.route, wide.route
    if route.when is None or _takes_within(wide, narrow):
        cure = "take one of the two out, or tell their conditions apart"
    else:
        cure = f"take one of the two out, or leave these events out there: !({route.when})"
    return Mistake(
        f"routes[{route.index}]" + ("" if route.when is None else ".when"),
        f"every event that this route takes is taken by routes[{other.index}] ({other.name}), too, and {route.sink} "
        f"gets it twice as {route.method} (all routes that fit send, not only the first): {cure}",
        "overlaps-route",
    )
