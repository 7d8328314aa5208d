"""What a configuration says beside what its writer meant. `run` starts with it all the same."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from connector.config.lenient import mapping
from connector.errors import Mistake
from connector.expressions.lint import lint
from connector.expressions.lint.logic import implies, never
from connector.expressions.lint.places import is_literal
from connector.expressions.lint.render import render
from connector.expressions.nodes import Node, walk
from connector.expressions.parser import parse
from connector.mistakes.catalogue import MISTAKES
from connector.routing.plan import applies, matches
from connector.settings.suggestions import suggestion
from connector.settings.units import shown
from connector.settings.values import Route, Settings
from connector.vendors.registry import VENDORS

_ROUTE = re.compile(r"routes\[([0-9]+)\]")


def findings(settings: Settings) -> list[Mistake]:
    """Return what is found by reading the routes' expressions and conditions, with what to write instead.

    What a route accepts is among them; `unaccepted` leaves it out.
    """
    return [
        *itertools.chain.from_iterable(map(_expressions, settings.routes)),
        *itertools.chain.from_iterable(map(_topics, settings.routes)),
        *_overlaps(settings),
        *itertools.chain.from_iterable(map(_unknown_accepts, settings.routes)),
    ]


def unaccepted(settings: Settings, found: Iterable[Mistake]) -> list[Mistake]:
    """Return those warnings that no route accepts by their name, each once: those of routes last, in their order."""
    kept = [each for each in dict.fromkeys(found) if each.name not in _accepts(settings, each.path)]
    return sorted(kept, key=lambda each: _route_of(each.path))


def _accepts(settings: Settings, path: str) -> frozenset[str]:
    index = _route_of(path)
    return settings.routes[index].accept if index >= 0 else frozenset()


def _route_of(path: str) -> int:
    """Return the index of the route that a path is in; -1 if it is in none."""
    match = _ROUTE.match(path)
    return int(match[1]) if match else -1


def expressions_of(route: Route) -> Iterator[tuple[str, str]]:
    """Yield each expression that fills a field of a route, with its path."""
    for name, value in route.fields.items():
        path = f"routes[{route.index}].fields.{name}"
        if isinstance(value, str):
            yield path, value
        else:
            yield from ((f"{path}.{inner}", expression) for inner, expression in mapping(dict(value)).items())


def _expressions(route: Route) -> Iterator[Mistake]:
    if route.when is not None:
        for finding in lint(route.when, condition=True):
            yield Mistake(f"routes[{route.index}].when", finding.message, finding.name)
    for path, expression in expressions_of(route):
        for finding in lint(expression):
            yield Mistake(path, finding.message, finding.name)


def _topics(route: Route) -> Iterator[Mistake]:
    """Find topic() == 'x' where the route does not read x."""
    for node, _ in walk(parse(route.when)) if route.when is not None else ():
        if node.kind != "compare" or node.value not in ("==", "!="):
            continue
        calls = [child for child in node.children if child.kind == "call" and child.value == "topic"]
        names = [child.value for child in node.children if is_literal(child, str)]
        if calls and names and not applies(route.topics, names[0]):
            says = "true" if node.value == "!=" else "false"
            message = f"{render(node)} is always {says}: the route reads {', '.join(route.topics)}"
            yield Mistake(f"routes[{route.index}].when", message, "never-equal")


def _unknown_accepts(route: Route) -> Iterator[Mistake]:
    for name in sorted(route.accept - MISTAKES.keys()):
        message = f"{shown(name)} is the name of no warning{suggestion(name, MISTAKES)}"
        yield Mistake(f"routes[{route.index}].accept", message, "unknown-accept")


# --- routes that send the same event twice -----------------------------------------------------------------------


def _overlaps(settings: Settings) -> Iterator[Mistake]:
    for earlier, later in itertools.combinations(settings.routes, 2):
        if (earlier.sink, earlier.method) != (later.sink, later.method):
            continue
        for narrow, wide in ((later, earlier), (earlier, later)):
            if _reads_within(narrow.topics, wide.topics) and _takes_within(narrow.when, wide.when):
                if not _is_other_event(settings, narrow, wide):
                    yield _overlap(narrow, wide)
                break


def _reads_within(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    """True if every topic of one route is certainly read by the other."""
    return all(
        name in wide or (not name.startswith("^") and any(matches(other, name) for other in wide)) for name in narrow
    )


def _takes_within(narrow: str | None, wide: str | None) -> bool:
    """True if every event that one condition takes is certainly taken by the other."""
    if narrow is None or wide is None:
        return wide is None
    return implies(parse(narrow), parse(wide))


def _is_other_event(settings: Settings, narrow: Route, wide: Route) -> bool:
    """True if a required field is certainly another in each of the two, such as the event's name.

    That the vendor gets two events is meant then. `narrow` takes those of which both make one.
    """
    method = VENDORS[settings.sinks[narrow.sink].kind].methods.get(narrow.method)
    for group in () if method is None else method.required:
        pair = [route.fields.get(group[0]) for route in (narrow, wide)]
        first, second = (parse(field) if isinstance(field, str) else None for field in pair)
        if len(group) == 1 and first is not None and second is not None and _differ(first, second, narrow.when):
            return True
    return False


def _differ(one: Node, other: Node, when: str | None) -> bool:
    """True if two expressions are certainly unequal for each event that a condition takes."""
    equality = Node("compare", "==", (one, other), 0)
    if when is None:
        return never(equality)
    condition = parse(when)
    return never(_given(equality, condition)) or never(Node("and", None, (condition, equality), 0))


def _given(tree: Node, condition: Node) -> Node:
    """Return a tree with the values in place of what a condition says is equal to them: type == 'order.paid' && …"""
    known = {}
    for part in condition.children if condition.kind == "and" else (condition,):
        if part.kind == "compare" and part.value == "==" and part.children[1].kind == "literal":
            known[render(part.children[0])] = part.children[1]
    return _substituted(tree, known)


def _substituted(tree: Node, known: Mapping[str, Node]) -> Node:
    # What follows in a chain or a projection is read of something else than the event.
    kept = 1 if tree.kind in ("chain", "projection") else len(tree.children)
    if tree.kind == "expression":
        return tree
    value = known.get(render(tree)) if tree.children or tree.kind == "field" else None
    if value is not None:
        return value
    children = (*(_substituted(child, known) for child in tree.children[:kept]), *tree.children[kept:])
    return tree._replace(children=children)


def _overlap(narrow: Route, wide: Route) -> Mistake:
    path = f"routes[{narrow.index}]" + ("" if narrow.when is None else ".when")
    other = f"routes[{wide.index}] ({wide.name})"
    if narrow.when is None or _takes_within(wide.when, narrow.when):
        cure = "take one of the two out, or tell their conditions apart"
    else:
        cure = f"take one of the two out, or leave these events out there: !({narrow.when})"
    return Mistake(
        path,
        f"every event that this route takes is taken by {other}, too, and {narrow.sink} gets it twice as "
        f"{narrow.method} (all routes that fit send, not only the first): {cure}",
        "overlaps-route",
    )
