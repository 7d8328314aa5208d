"""What a configuration says beside what its writer meant. `run` starts with it all the same."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from connector.config.lenient import mapping
from connector.config.overlaps import overlaps
from connector.errors import Mistake
from connector.expressions.lint import lint
from connector.expressions.lint.places import is_literal
from connector.expressions.lint.render import render
from connector.expressions.nodes import walk
from connector.expressions.parser import parse
from connector.mistakes.catalogue import MISTAKES
from connector.routing.plan import applies
from connector.settings.suggestions import suggestion
from connector.settings.units import shown
from connector.settings.values import Route, Settings

_ROUTE = re.compile(r"routes\[([0-9]+)\]")


def findings(settings: Settings) -> list[Mistake]:
    """Return what is found by reading the routes' expressions and conditions, with what to write instead.

    What a route accepts is among them; `unaccepted` leaves it out.
    """
    return [
        *itertools.chain.from_iterable(map(_expressions, settings.routes)),
        *itertools.chain.from_iterable(map(_topics, settings.routes)),
        *overlaps(settings),
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
    if route.each is not None:
        for finding in lint(route.each):
            yield Mistake(f"routes[{route.index}].each", finding.message, finding.name)
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
