"""Routes against the schemas of their topics: what an expression finds in no event, or not in each that it needs.

Every finding is a warning: a schema may know less than its events hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from connector.errors import Mistake
from connector.expressions.inference import infer
from connector.expressions.mismatches import is_other, words
from connector.expressions.nodes import Node
from connector.expressions.parser import parse
from connector.expressions.refinement import Scope, Value, assume, paths
from connector.expressions.shape_paths import told_apart
from connector.expressions.shapes import Shape
from connector.expressions.signatures import ARRAY, NULL
from connector.routing.plan import matches
from connector.routing.schema.shape import event_shape
from connector.settings.values import Route, Settings
from connector.vendors.base import Method
from connector.vendors.registry import VENDORS

# What `each` takes: null is a list without elements.
_LISTS = frozenset({ARRAY, NULL})


class _Topic(NamedTuple):
    """A topic as a route reads it; `shape` None: it has no schema."""

    name: str
    shape: Shape | None


class _Expression(NamedTuple):
    """One expression of a route's fields. `kinds`: what the vendor takes there (None: anything)."""

    path: str
    field: str
    tree: Node
    kinds: frozenset[str] | None


def schema_findings(settings: Settings) -> list[Mistake]:
    """Return what the schemas of their topics say against the routes, without the kinds that a route accepts."""
    shapes = {
        name: None if topic.schema is None else event_shape(orjson.loads(topic.schema.read_bytes()))
        for name, topic in settings.topics.items()
    }
    if not any(shapes.values()):
        return []
    found = []
    for route in settings.routes:
        method = VENDORS[settings.sinks[route.sink].kind].methods[route.method]
        findings = _route(route, method, _topics(route, shapes))
        found += [finding for finding in findings if finding.name not in route.accept]
    return found


def _topics(route: Route, shapes: Mapping[str, Shape | None]) -> list[_Topic]:
    """Return the topics that a route reads: those that it names, and those of the file that its patterns match."""
    names = [*route.topics]
    for pattern in route.topics:
        if pattern.startswith("^"):
            names += [name for name in shapes if not name.startswith("^") and matches(pattern, name)]
    return [_Topic(name, shapes[name]) for name in dict.fromkeys(names)]


def _route(route: Route, method: Method, topics: Sequence[_Topic]) -> list[Mistake]:
    when = None if route.when is None else parse(route.when)
    expressions = list(_expressions(route, method))
    scopes = {topic: _taken(when, topic) for topic in topics}
    takes_some = any(scope is None or scope.is_possible for scope in scopes.values())
    found: list[Mistake] = []
    for topic, scope in scopes.items():
        # A route of several topics may be meant to take nothing of one of them.
        if topic.shape is None or scope is None or (takes_some and not scope.is_possible):
            continue
        found += _of_topic(route, method, when, expressions, topic.name, Scope.of_event(topic.shape), scope)
    return list(dict.fromkeys(found))


def _taken(when: Node | None, topic: _Topic) -> Scope | None:
    """Return what is known of the events of a topic that a route takes; None: nothing."""
    if topic.shape is None:
        return None
    scope = Scope.of_event(topic.shape)
    return scope if when is None else assume(scope, when, truth=True)


def _of_topic(
    route: Route,
    method: Method,
    when: Node | None,
    expressions: Sequence[_Expression],
    topic: str,
    every: Scope,
    taken: Scope,
) -> Iterator[Mistake]:
    source, path = f"the schema of {topic}", f"routes[{route.index}]"
    if when is not None:
        for finding in infer(when, every, source).findings:
            yield Mistake(f"{path}.when", finding.message, finding.name)
    scope = taken if taken.is_possible else every
    if route.each is not None:
        result, findings = infer(parse(route.each), scope, source)
        for finding in findings:
            yield Mistake(f"{path}.each", finding.message, finding.name)
        if not findings and is_other(result, _LISTS):
            message = f"each takes an array, and this is {words(result)} by {source}: no event has items"
            yield Mistake(f"{path}.each", message, "schema-type")
        scope = _of_items(route.each, scope)
    for each in expressions:
        result, findings = infer(each.tree, scope, source)
        for finding in findings:
            yield Mistake(each.path, finding.message, finding.name)
        if not findings and each.kinds is not None and is_other(result, each.kinds):
            takes = method.fields.get(each.field, "").rpartition(": ")[2] or " or ".join(sorted(each.kinds))
            message = f"{each.field} takes {takes}, and this is {words(result)} by {source}: it can never be sent"
            yield Mistake(each.path, message, "wrong-field-type")
    if taken.is_possible:
        yield from _lacking(route, method, expressions, source, taken)


def _of_items(each: str, scope: Scope) -> Scope:
    """Return what the fields of a route with `each` are evaluated on: an element of the list."""
    return scope.on(Value(infer(parse(each), scope).shape.element()))


def _expressions(route: Route, method: Method) -> Iterator[_Expression]:
    for name, value in route.fields.items():
        path = f"routes[{route.index}].fields.{name}"
        if isinstance(value, str):
            yield _Expression(path, name, parse(value), _kinds(method, name))
        else:
            for inner, expression in value.items():
                kinds = _kinds(method, f"{name}.*")
                yield _Expression(f"{path}.{inner}", f"{name}.{inner}", parse(expression), kinds)


def _kinds(method: Method, field: str) -> frozenset[str] | None:
    kinds = method.kinds.get(field)
    return None if kinds is None else frozenset(kinds)


def _lacking(
    route: Route, method: Method, expressions: Sequence[_Expression], source: str, taken: Scope
) -> Iterator[Mistake]:
    """Yield each required field, or group of fields, that an event may leave without any value."""
    by_field = {each.field: each for each in expressions}
    for group in method.required:
        filled = [by_field[name] for name in group if name in by_field]
        # Paths of a route with `each` begin at an element, of which no forms are kept apart.
        read = [path for each in filled for path in paths(each.tree)] if route.each is None else []
        worlds = told_apart(taken.event, read) if filled else []
        for world in worlds:
            scope = Scope.of_event(world) if route.each is None else _of_items(route.each, Scope.of_event(world))
            results = [infer(each.tree, scope, source).shape for each in filled]
            if all(result.known_null for result in results):
                why = " and ".join(dict.fromkeys(result.because for result in results))
                needs = group[0] if len(group) == 1 else f"one of {', '.join(group)}"
                message = (
                    f"{why} in {source}, and {route.method} requires {needs}: events without become dead letters; "
                    "leave them out by `when`, or give a default by ||"
                )
                yield Mistake(filled[0].path, message, "may-be-null")
                break
