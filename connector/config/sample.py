"""The routes held against a sample of events: types that no route names, routes that take none, fields always null."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from connector.config.findings import expressions_of, unaccepted
from connector.errors import ConfigError, DecodeError, ExpressionError, Mistake
from connector.expressions import compile_condition, compile_element_fields, compile_expression, compile_fields
from connector.expressions.compiler import compile_tree
from connector.expressions.library import FUNCTIONS
from connector.expressions.lint.inference import constant, is_constant
from connector.expressions.lint.places import is_literal, places
from connector.expressions.lint.render import render
from connector.expressions.nodes import Node, plain_path, walk
from connector.expressions.parser import parse
from connector.model import Event, Record
from connector.routing.decode import decode
from connector.routing.plan import applies
from connector.settings.suggestions import nearest
from connector.settings.units import shown
from connector.settings.values import Route, Settings

# How many bad lines of a sample are named, and how many types in one message.
_MOST_LINES, _MOST_TYPES = 10, 3


class Sample(NamedTuple):
    """Events of one topic, as records would bring them: without key and headers."""

    topic: str
    events: Sequence[Event]

    def record(self) -> Record:
        """Return the record that all of them are held for."""
        return Record(self.topic, 0, 0, -1, None, b"", ())


def read_sample(settings: Settings, name: str, content: bytes, topic: str | None) -> Sample:
    """Return the events of a file: one JSON event, or one a line. `name` is the file's, for messages.

    Without a topic it is the one that the routes read. Raises ConfigError where that is not one, and for each line that
    is no event.
    """
    return Sample(_topic(settings, topic), _events(name, content))


def _topic(settings: Settings, topic: str | None) -> str:
    read = list(dict.fromkeys(name for route in settings.routes for name in route.topics))
    if topic is None:
        if len(read) == 1 and not read[0].startswith("^"):
            return read[0]
        raise ConfigError([Mistake("--topic", f"say which topic the sample is from: {', '.join(read)}")])
    if not applies(read, topic):
        raise ConfigError([Mistake("--topic", f"no route reads {topic}: the routes read {', '.join(read)}")])
    return topic


def _events(name: str, content: bytes) -> list[Event]:
    try:
        return [decode(content)]  # one event may be written over several lines
    except DecodeError as error:
        whole = f"{name} {error}"
    events, mistakes = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                events.append(decode(line))
            except DecodeError as error:
                mistakes.append(Mistake("--sample", f"{name}, line {number} {error}"))
    if not events and len(mistakes) < 2:
        raise ConfigError([Mistake("--sample", whole if mistakes else f"{name} holds no event: one JSON event a line")])
    if mistakes:
        more = len(mistakes) - _MOST_LINES
        rest = [Mistake("--sample", f"{name}: {more} more lines are no events")] if more > 0 else []
        raise ConfigError([*mistakes[:_MOST_LINES], *rest])
    return events


def sample_findings(settings: Settings, sample: Sample) -> list[Mistake]:
    """Return what the sample shows of the routes that read its topic."""
    routes = [route for route in settings.routes if applies(route.topics, sample.topic)]
    taken = {route.index: _taken(route, sample) for route in routes}
    found = list(_unrouted(settings, sample, routes, set().union(*(each.places for each in taken.values()))))
    for route in routes:
        took = taken[route.index]
        if took.events:
            found += _always_null(route, took.events, sample)
        elif not _reads_record(route.when):
            found.append(_takes_none(settings, route, took, sample))
    return unaccepted(settings, found)


# --- which events a route takes ----------------------------------------------------------------------------------


class _Taken(NamedTuple):
    """The events that a route takes, their places in the sample, and what its condition raised on how many others."""

    events: list[Event]
    places: set[int]
    raised: Counter[str]


def _taken(route: Route, sample: Sample) -> _Taken:
    holds = None if route.when is None else compile_condition(route.when).holds
    taken = _Taken([], set(), Counter())
    record = sample.record()
    for place, event in enumerate(sample.events):
        try:
            if holds is None or holds(event, record):
                taken.events.append(event)
                taken.places.add(place)
        except ExpressionError as error:
            taken.raised[str(error)] += 1
            taken.places.add(place)  # a dead letter is no event that was passed over
    return taken


def _reads_record(expression: str | None) -> bool:
    """True if an expression reads the key or the headers, which a sample has not."""
    return expression is not None and any(
        node.kind == "call" and FUNCTIONS[node.value].of_record and node.value != "topic"
        for node, _ in walk(parse(expression))
    )


# --- types that no route names -----------------------------------------------------------------------------------


class _Name(NamedTuple):
    """A text that a condition names: what is compared with it, and whether it is only the beginning."""

    subject: Node
    text: str
    is_beginning: bool

    def fits(self, value: str) -> bool:
        """True if the condition names this text."""
        return value.startswith(self.text) if self.is_beginning else value == self.text


def _names(route: Route) -> Iterator[_Name]:
    """Yield the texts that a route's condition compares something of the event with, in their order."""
    for node, _ in walk(parse(route.when)) if route.when is not None else ():
        if node.kind == "compare" and node.value in ("==", "!="):
            left, right = node.children
            for subject, value in ((left, right), (right, left)):
                if is_literal(value, str):
                    yield _Name(subject, value.value, is_beginning=False)
        elif node.kind == "call" and node.value == "starts_with" and is_literal(node.children[1], str):
            yield _Name(node.children[0], node.children[1].value, is_beginning=True)
        elif node.kind == "call" and node.value == "contains" and is_constant(node.children[0]):
            values = constant(node.children[0])
            texts = (value for value in values if type(value) is str) if type(values) is list else ()
            yield from (_Name(node.children[1], value, is_beginning=False) for value in texts)


def _selector(route: Route) -> Node | None:
    """Return that by which a route selects its events: the first part that it compares with a text."""
    subject = next((name.subject for name in _names(route)), None)
    return None if subject is None or _reads_record(render(subject)) else subject


def _unrouted(settings: Settings, sample: Sample, routes: Sequence[Route], taken: set[int]) -> Iterator[Mistake]:
    names: dict[str, list[_Name]] = {}
    for name in (name for route in routes for name in _names(route)):
        names.setdefault(render(name.subject), []).append(name)
    selectors = {render(subject): subject for subject in map(_selector, routes) if subject is not None}
    counts: Counter[tuple[str, str]] = Counter()
    for place, event in enumerate(sample.events):
        if place not in taken:
            values = ((text, _text_of(subject, event, sample)) for text, subject in selectors.items())
            first = next(((text, value) for text, value in values if value is not None), None)
            if first is not None and not any(name.fits(first[1]) for name in names[first[0]]):
                counts[first] += 1
    for (text, value), count in counts.most_common():
        near = nearest(value, [name.text for name in names[text]])
        meant = f"; a route names {shown(near)}" if near is not None else ""
        fate = "skipped" if settings.delivery.unrouted == "skip" else "dead-lettered"
        yield Mistake(
            f"topics.{sample.topic}",
            f"in {_counted(count, len(sample.events))} of the sample {text} is "
            f"{_shown(settings, selectors[text], value)}, which no route names: it is {fate}{meant}",
            "unrouted-type",
        )


def _text_of(subject: Node, event: Event, sample: Sample) -> str | None:
    try:
        value = compile_tree(subject)(event, sample.record())
    except ExpressionError:
        return None
    return value if type(value) is str else None


def _shown(settings: Settings, subject: Node, value: str) -> str:
    """Return a value of an event for people, if `redact` names nothing that it is made of."""
    paths = {".".join(plain_path(node)) for node, _ in walk(subject)}
    hidden = any(f"{path}.".startswith(f"{name}.") for path in paths for name in settings.redact)
    return "(hidden by redact)" if hidden else shown(value)


def _counted(count: int, total: int) -> str:
    return f"{count} of {total} event{'' if total == 1 else 's'}"


# --- routes that take nothing, fields that are nothing -----------------------------------------------------------


def _takes_none(settings: Settings, route: Route, took: _Taken, sample: Sample) -> Mistake:
    total = len(sample.events)
    what = "does not take the sample's only event" if total == 1 else f"takes none of the sample's {total} events"
    message, times = next(iter(took.raised.most_common(1)), ("", 0))
    selector = _selector(route)
    if times:
        what += f": on {times} its condition raises: {message}"
    elif selector is not None:
        texts = Counter(filter(None, (_text_of(selector, event, sample) for event in sample.events)))
        there = ", ".join(
            f"{_shown(settings, selector, text)} ({count})" for text, count in texts.most_common(_MOST_TYPES)
        )
        more = ", …" if len(texts) > _MOST_TYPES else ""
        what += f"; {render(selector)} is {there}{more}" if there else f"; {render(selector)} is a text in none"
    return Mistake(f"routes[{route.index}].when", what, "takes-none-of-sample")


def _always_null(route: Route, events: Sequence[Event], sample: Sample) -> Iterator[Mistake]:
    record = sample.record()
    if route.each is not None:
        yield from _null_elements(route, route.each, events, record)
        return
    for path, expression in expressions_of(route):
        if not _reads_record(expression) and _null_in_all(expression, [(event, record) for event in events]):
            yield _null(path, expression, events)


def _null_elements(route: Route, each: str, events: Sequence[Event], record: Record) -> Iterator[Mistake]:
    """Yield a route's list if no event has an element in it, else the fields that are null of every element."""
    if _reads_record(each):
        return
    list_elements = compile_expression(each)
    elements: list[tuple[Event, Record, Any]] = []
    for event in events:
        try:
            listed = list_elements(event, record)
        except ExpressionError:
            return  # a dead letter, which preview explains
        elements += [(event, record, element) for element in (listed if type(listed) is list else ())]
        if listed is not None and type(listed) is not list:
            return  # likewise
    if not elements:
        yield _null(f"routes[{route.index}].each", each, events, "has no element")
    for path, expression in expressions_of(route) if elements else ():
        if not _reads_record(expression) and _null_in_all(expression, elements):
            of = "the only element" if len(elements) == 1 else f"all {len(elements)} elements"
            yield Mistake(path, f"{expression} is null in {of} of the sample that this route takes", "always-null")


def _null_in_all(expression: str, places: Sequence[tuple[Any, ...]]) -> bool:
    """True if an expression is null of every event, or of every element of one; False where it raises."""
    fields = {"value": expression}
    evaluate: Any = compile_fields(fields) if len(places[0]) == 2 else compile_element_fields(fields)
    try:
        return not any(evaluate(*place) for place in places)
    except ExpressionError:
        return False  # a dead letter, which preview explains


def _null(path: str, expression: str, events: Sequence[Event], what: str = "is null") -> Mistake:
    of = "the only event" if len(events) == 1 else f"all {len(events)} events"
    message = f"{expression} {what} in {of} of the sample that this route takes{_meant(expression, events)}"
    return Mistake(path, message, "always-null")


def _meant(expression: str, events: Sequence[Event]) -> str:
    """Say what a path that leads nowhere may have been meant for: a name beside it, or a text without quotes."""
    near = next(filter(None, (_nearest_path(path, events[0]) for path in _paths(expression))), None)
    if near is not None:
        return f"; did you mean {near}?"
    path = plain_path(parse(expression))
    if len(path) == 1 and path[0] not in events[0]:
        return f"; a text stands in single quotes inside double ones: \"'{path[0]}'\""
    return ""


def _paths(expression: str) -> Iterator[tuple[str, ...]]:
    """Yield the plain paths of an expression that begin at the event."""
    for place in places(expression, condition=False):
        if not place.of_result and (
            place.parent is None or place.parent.kind not in ("chain", "projection", "flatten")
        ):
            yield plain_path(place.node)


def _nearest_path(path: Sequence[str], event: Event) -> str | None:
    """Return the path with the first name that an object has not replaced by the nearest that it has."""
    value: Any = event
    for depth, name in enumerate(path):
        if not isinstance(value, dict):
            return None
        if name not in value:
            near = nearest(name, value)
            return near and ".".join((*path[:depth], near, *path[depth + 1 :]))
        value = value[name]
    return None
