"""The check of the `routes` section against the rest of the file: topics, sinks, methods, fields and expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.config.lenient import elements, mapping, text, texts
from connector.errors import ExpressionError, Mistake
from connector.expressions import compile_expression
from connector.settings.suggestions import nearest, suggestion
from connector.settings.units import shown
from connector.vendors.base import Method
from connector.vendors.registry import VENDORS, kind_of


def route_mistakes(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the mistakes of `routes`."""
    topics, sinks = mapping(tree.get("topics")), mapping(tree.get("sinks"))
    routes = elements(tree.get("routes"))
    yield from _names(routes)
    for index, entry in enumerate(routes):
        path, route = f"routes[{index}]", mapping(entry)
        yield from _from(path, route.get("from"), topics)
        when = text(route.get("when"))
        if when is not None:
            yield from _expression(f"{path}.when", when)
        each = text(route.get("each"))
        if each is not None:
            yield from _expression(f"{path}.each", each)
        yield from _expressions(f"{path}.fields", mapping(route.get("fields")))
        to = text(route.get("to"))
        if to is not None:
            method = _method(to, sinks)
            if isinstance(method, str):
                yield Mistake(f"{path}.to", method, "wrong-target")
            elif method is not None:
                yield from _fields(f"{path}.fields", to, method, route)


def route_names(routes: Sequence[Any]) -> list[str | None]:
    """Return each route's name: its own, else the `to`, then `<to>#2`, … in file order. None: it has neither."""
    unnamed: dict[str, int] = {}
    names: list[str | None] = []
    for route in map(mapping, routes):
        name, to = text(route.get("name")), text(route.get("to"))
        if name is None and to is not None:
            unnamed[to] = unnamed.get(to, 0) + 1
            name = to if unnamed[to] == 1 else f"{to}#{unnamed[to]}"
        names.append(name)
    return names


def _names(routes: Sequence[Any]) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, name in enumerate(route_names(routes)):
        if name is None:
            continue
        if name in first:
            yield Mistake(
                f"routes[{index}].name",
                f"{shown(name)} is also the name of routes[{first[name]}]: give each its own",
                "duplicate-route-name",
            )
        first.setdefault(name, index)


def _from(path: str, value: Any, topics: Mapping[str, Any]) -> Iterator[Mistake]:
    names = texts(value)
    for index, name in enumerate(names):
        where = f"{path}.from[{index}]" if isinstance(value, list) else f"{path}.from"
        if name in names[:index]:
            yield Mistake(where, f"{shown(name)} is listed twice", "topic-twice")
        elif name not in topics:
            yield Mistake(
                where, f"{shown(name)} is not in topics{suggestion(name, topics) or ': add it there'}", "unknown-topic"
            )


def _method(to: str, sinks: Mapping[str, Any]) -> Method | str | None:
    """Return the method that a `to` names, or the mistake in it; None if the sink's own kind is wrong."""
    sink, dot, name = to.rpartition(".")
    if not dot:
        return f"{shown(to)} is not <sink>.<method>, such as {next(iter(sinks), 'mytracker')}.{name or 'registration'}"
    if sink not in sinks:
        return f"there is no sink {shown(sink)}{suggestion(sink, sinks)}"
    kind = kind_of(sinks[sink])
    if kind is None:
        return None
    methods = VENDORS[kind].methods
    return methods.get(name) or f"{sink} has no method {shown(name)}{suggestion(name, methods)}"


def _expressions(path: str, fields: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _expressions(f"{path}.{name}", mapping(value))
        elif isinstance(value, str):
            yield from _expression(f"{path}.{name}", value)


def _expression(path: str, expression: str) -> Iterator[Mistake]:
    try:
        compile_expression(expression)
    except ExpressionError as error:
        yield Mistake(path, f"{shown(expression)} is not an expression: {error}", error.name)


def _fields(path: str, to: str, method: Method, route: Mapping[str, Any]) -> Iterator[Mistake]:
    fields = mapping(route.get("fields"))
    for name, value in fields.items():
        if name not in method.fields:
            yield Mistake(f"{path}.{name}", f"{to} has no such field{suggestion(name, method.fields)}", "unknown-field")
        elif isinstance(value, dict) and name not in method.nested:
            yield Mistake(
                f"{path}.{name}", "takes one value: write one expression, not a mapping of several", "nested-field"
            )
    if not isinstance(route.get("fields"), dict):
        return  # reported by the file's model
    # A misspelt field is one mistake, not also a missing one.
    meant = {name if name in method.fields else nearest(name, method.fields) for name in fields}
    for group in method.required:
        if not meant & set(group):
            yield _missing_field(path, to, group)
    several = sorted(fields.keys() & set(method.one_of))
    if len(several) > 1:
        yield Mistake(
            path,
            f"{to} takes exactly one of {', '.join(sorted(method.one_of))}; here are {', '.join(several)}",
            "one-of",
        )


def _missing_field(path: str, to: str, group: Sequence[str]) -> Mistake:
    if len(group) == 1:
        return Mistake(f"{path}.{group[0]}", f"is missing: {to} requires it", "missing-field")
    return Mistake(path, f"{to} requires one of {', '.join(group)}; no expression fills any", "missing-field")
