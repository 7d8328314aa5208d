"""The cases of tests files as they are run: each with its record, and its expectations checked against the routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from connector.errors import ConfigError, Mistake
from connector.kafka.records import Address
from connector.model import Reason, Record
from connector.routing.plan import applies
from connector.service.route_tests.file_model import (
    CaseModel,
    RecordExpectationModel,
    RouteExpectationModel,
)
from connector.service.route_tests.values import EventFile
from connector.service.route_tests.yaml_file import read_cases
from connector.settings.suggestions import suggestion
from connector.settings.units import shown
from connector.settings.values import Route, Settings
from connector.vendors.registry import VENDORS


class Expectation(NamedTuple):
    """What a route must make of an event: these bodies (none: it is not sent), and a dead letter or none.

    With `fields` it is one body, of which only these are looked at. `message` is a part of the dead letter's.
    """

    bodies: tuple[Mapping[str, Any], ...] = ()
    fields: Mapping[str, Any] | None = None
    reason: Reason | None = None
    message: str = ""


SKIPPED = Expectation()


class Case(NamedTuple):
    """One case. `file` and `line` say where it stands.

    `record` is None where it is to be read from Kafka, at `address`. `expect` has the expectations by route name;
    `record_expect` is of the record as a whole, and then no route is named. `others_skipped`: the other routes must
    skip the event.
    """

    name: str
    file: Path
    line: int
    record: Record | None
    address: Address | None
    expect: Mapping[str, Expectation]
    record_expect: Expectation | None
    others_skipped: bool


def load_cases(settings: Settings, files: Sequence[Path], now: float) -> list[Case]:
    """Return the cases of all files. `now`, in seconds since the epoch, is the time of records without one.

    Raises ConfigError with every mistake of every file.
    """
    cases: list[Case] = []
    mistakes: list[Mistake] = []
    for file in files:
        try:
            content = read_cases(file)
        except ConfigError as error:  # it cannot be read at all
            mistakes += error.mistakes
            continue
        found = list(content.mistakes)
        for index, model in enumerate(content.cases):
            if model is None:
                continue
            try:
                cases.append(_case(settings, content.path, content.lines[index], model, now))
            except ConfigError as error:
                found += [Mistake(f"tests[{index}].{each.path}", each.message) for each in error.mistakes]
        mistakes += content.located(found)
    if mistakes:
        raise ConfigError(mistakes)
    return cases


def _case(settings: Settings, file: Path, line: int, model: CaseModel, now: float) -> Case:
    """Return a case. Raises ConfigError with its mistakes, whose paths begin at the case."""
    routes = {route.name: route for route in settings.routes}
    mistakes = list(_expect_mistakes(model, settings, routes))
    topic = _topic(settings, model, routes)
    if isinstance(topic, str):
        mistakes += _topic_mistakes(model, topic, settings, routes)
    elif not mistakes:  # without the routes that are meant, the topic cannot be told either
        mistakes.append(topic)
    value = _value(model, file)
    if isinstance(value, Mistake):
        mistakes.append(value)
    if mistakes or isinstance(topic, Mistake) or isinstance(value, Mistake):
        raise ConfigError(mistakes)
    by_route = model.expect if isinstance(model.expect, dict) else {}
    return Case(
        model.name,
        file,
        line,
        None if model.record is not None else _record(model, topic, value, now),
        model.record,
        {name: _expectation(each) for name, each in by_route.items()},
        None if isinstance(model.expect, dict) else _expectation(model.expect),
        model.others is not None,
    )


def _record(model: CaseModel, topic: str, value: bytes | None, now: float) -> Record:
    seconds = now if model.time is None else model.time.timestamp()
    return Record(topic, 0, 0, round(seconds * 1000), model.key, value, tuple(model.headers or ()))


def _expectation(model: str | RouteExpectationModel | RecordExpectationModel) -> Expectation:
    if isinstance(model, str):
        return SKIPPED
    if isinstance(model, RecordExpectationModel):
        return Expectation(reason=model.dead_letter, message=model.message or "")
    bodies = model.bodies if model.body is None else [model.body]
    return Expectation(tuple(bodies or ()), model.fields, model.dead_letter, model.message or "")


def _value(model: CaseModel, file: Path) -> bytes | Mistake | None:
    """Return the record's value; a relative path of an event's file starts at the tests file."""
    if not isinstance(model.event, EventFile):
        return model.value if model.event is None else model.event
    path = file.parent / model.event.path
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) else str(error)
        return Mistake("event.file", f"{path} cannot be read: {why}")


# --- what is expected, against the routes ----------------------------------------------------------------------------


def _expect_mistakes(model: CaseModel, settings: Settings, routes: Mapping[str, Route]) -> Iterator[Mistake]:
    if not isinstance(model.expect, dict):
        return
    for name, expected in model.expect.items():
        route = routes.get(name)
        if route is None:
            yield Mistake(f"expect.{name}", f"there is no route {shown(name)}{suggestion(name, routes)}")
        elif isinstance(expected, RouteExpectationModel):
            known = {*route.fields, *VENDORS[settings.sinks[route.sink].kind].methods[route.method].fields}
            for field, value in (expected.fields or {}).items():
                if value is None and field not in known:  # a slip here would never be noticed
                    yield Mistake(
                        f"expect.{name}.fields.{field}", f"{name} has no such field{suggestion(field, known)}"
                    )


# --- topics ----------------------------------------------------------------------------------------------------------


def _topic(settings: Settings, model: CaseModel, routes: Mapping[str, Route]) -> str | Mistake:
    """Return the case's topic: its own, else the only one that the routes it is about all read."""
    if model.record is not None:
        return model.record.topic
    if model.topic is not None:
        return model.topic
    about = _taking_routes(model, routes) or list(routes.values())
    named = [name for name in settings.topics if not name.startswith("^")]
    read = [name for name in named if all(applies(route.topics, name) for route in about)]
    only_named = not any(topic.startswith("^") for route in about for topic in route.topics)
    if len(read) == 1 and only_named:
        return read[0]
    listed = list(dict.fromkeys(topic for route in about for topic in route.topics))
    return Mistake("topic", f"is missing: say from which topic the event is; the routes read {', '.join(listed)}")


def _taking_routes(model: CaseModel, routes: Mapping[str, Route]) -> list[Route]:
    """Return the named routes that must take the event; where all must skip it, all that are named."""
    if not isinstance(model.expect, dict):
        return []
    named = {name: each for name, each in model.expect.items() if name in routes}
    taking = [name for name, each in named.items() if not isinstance(each, str)]
    return [routes[name] for name in taking or named]


def _topic_mistakes(model: CaseModel, topic: str, settings: Settings, routes: Mapping[str, Route]) -> Iterator[Mistake]:
    """Yield what is wrong with a topic: no route reads it, or not those that must make something of the event."""
    key = "topic" if model.record is None else "record"
    read = list(dict.fromkeys(name for route in settings.routes for name in route.topics))
    if not applies(read, topic):
        yield Mistake(key, f"no route reads {topic}{suggestion(topic, read)}")
        return
    for name, each in model.expect.items() if isinstance(model.expect, dict) else ():
        if name in routes and not isinstance(each, str) and not applies(routes[name].topics, topic):
            yield Mistake(f"expect.{name}", f"{name} does not read {topic}: it reads {', '.join(routes[name].topics)}")
