"""All that can be said of one event under one route: every mistake at once, what is left out and why, times as dates.

For people; the service stops at the first mistake. What `redact` names is hidden in every text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector.errors import ExpressionError
from connector.expressions import compile_condition
from connector.expressions.null_causes import NullCauses
from connector.model import Event, Failure, Item, Limits, Reason, Record, Stage
from connector.operations.formatting import record_time
from connector.redaction.payloads import FieldPath, Redactor, mask_fields, redact_paths, revealing_fields
from connector.routing.explain import FieldExplainer, FieldResult, flat_fields, mapped_values
from connector.service.assembly import limits_of
from connector.service.problems import Problem, kind_of_error
from connector.service.record_needs import RecordNeeds, needs_of
from connector.settings.values import Route, Settings
from connector.vendors.fields.coercion import parameter_name
from connector.vendors.fields.inspection import FieldProblem, Inspect, Inspection, LeftOut, inspect_by_encoding
from connector.vendors.registry import VENDORS

NULL, REQUIRED_NULL, OVERSIZE = "null-field", "required-null", "oversize"
_LONGEST_SHOWN = 3
_NAMES_SHOWN = 6


class EventView(NamedTuple):
    """An event with its record, and what people may see of it.

    `shown` is the event with what is hidden masked; `element` is the number (from 1) of the element of it that is
    looked at, for routes that make an item of each element of a list.
    """

    event: Event
    record: Record
    shown: Event
    redactor: Redactor
    element: int = 0


def view_of(event: Event, record: Record, paths: Sequence[str]) -> EventView:
    """Return the view of an event under the configuration's `redact`."""
    return EventView(event, record, redact_paths(event, paths), Redactor(event, paths))


class RouteDetails(NamedTuple):
    """What there is to say of one event under one route.

    `problems` are all reasons why it would be a dead letter, the one that the letter gives among them; `left_out` are
    the fields that are not sent; `times` are dates (ISO 8601) by the fields that are sent as seconds; `conditions` say
    what in the route's `when` is null where it does not hold.
    """

    problems: Sequence[Problem] = ()
    left_out: Sequence[Problem] = ()
    times: Mapping[str, str] = {}
    conditions: Sequence[str] = ()


class RouteInspector:
    """One route of a configuration, asked about one event after the other. One thread."""

    def __init__(self, settings: Settings, route: Route) -> None:
        sink = settings.sinks[route.sink]
        self._route = route
        self._vendor = VENDORS[sink.kind]
        self._method = self._vendor.methods[route.method]
        # A package's own methods may lack what is for people only.
        self._ask_rules: Inspect = getattr(self._method, "inspect", None) or inspect_by_encoding(self._method.encode)
        self._times: Collection[str] = getattr(self._method, "times", ())
        self._limits = limits_of(sink)
        self._paths = settings.redact
        self._fields = FieldExplainer(route.fields, route.each)
        self._when = None if route.when is None else NullCauses(route.when)
        self._holds = None if route.when is None else compile_condition(route.when).holds
        self._expressions = dict(flat_fields(route.fields))
        when = [] if route.when is None else [route.when]
        each = [] if route.each is None else [route.each]
        self._each = None if route.each is None else NullCauses(route.each)
        self._needs = needs_of(when), needs_of([*when, *each, *self._expressions.values()])

    def needs(self, *, taken: bool) -> RecordNeeds:
        """Return what the condition looks at beside the event; and the fields too, where they count."""
        return self._needs[taken]

    def details(self, result: Item | Failure | None, view: EventView) -> RouteDetails:
        """Return what there is to say of the route's result for this event."""
        if result is None:
            return RouteDetails(conditions=[view.redactor.text(cause) for cause in self._condition_causes(view)])
        view = view._replace(element=result.element)
        results = self.evaluate(view)
        inspection = self._inspect(results)
        problems: Sequence[Problem] = ()
        if isinstance(result, Failure):
            problems = [_redacted(each, view) for each in self._problems(result, results, inspection, view)]
        lacking = {name for problem in inspection.problems if problem.lacks_value for name in problem.fields}
        left_out = [_redacted(each, view) for each in self._left_out(results, inspection, lacking, view)]
        return RouteDetails(problems, left_out)

    def no_elements(self, view: EventView) -> Problem:
        """Return why a route with `each` makes no item of an event that it takes."""
        causes = []
        if self._each is not None and self._each.value(view.event, view.record) is None:
            causes.append(view.redactor.text(self._each.of_value(view.event, view.record, view.shown)))
        return Problem("no-items", "each", "no item: `each` gives no element", causes)

    def evaluate(self, view: EventView) -> list[FieldResult]:
        """Return each field of the route evaluated by itself."""
        return self._fields.evaluate(view.event, view.record, view.element)

    def null_cause(self, path: FieldPath, view: EventView) -> str:
        """Return why a field is null on this event."""
        return view.redactor.text(self._fields.null_cause(path, view.event, view.record, view.shown, view.element))

    def body(self, item: Item, view: EventView) -> dict[str, Any]:
        """Return an item's fields as its vendor reads them; those that depend on what `redact` names are masked."""
        return mask_fields(self._vendor.read_body(item.body), self._revealing(view._replace(element=item.element)))

    def times(self, body: Mapping[str, Any]) -> dict[str, str]:
        """Return the date of each field of a body that is sent as seconds since the epoch."""
        dates = {name: _date(body[name]) for name in self._times if name in body}
        return {name: date for name, date in dates.items() if date is not None}

    # --- problems ----------------------------------------------------------------------------------------------------

    def _inspect(self, results: Sequence[FieldResult]) -> Inspection:
        raised = {result.path[0] for result in results if result.error is not None}
        return self._ask_rules(mapped_values(results), raised)

    def _problems(
        self, failure: Failure, results: Sequence[FieldResult], inspection: Inspection, view: EventView
    ) -> list[Problem]:
        """Return every reason, in the order in which the service would meet them."""
        found = [self._of_condition(failure, view)] if failure.stage is Stage.ROUTE else []
        found += [
            Problem(kind_of_error(result.error), ".".join(result.path), f"{'.'.join(result.path)}: {result.error}")
            for result in results
            if result.error is not None
        ]
        found += [self._of_rule(problem, results, view) for problem in inspection.problems]
        if failure.reason is Reason.OVERSIZE:
            details = [*_weights(self._limits, self._vendor.limits, self._vendor.envelope), *self._longest(inspection)]
            found.append(Problem(OVERSIZE, None, failure.message, details))
        if all(problem.message != failure.message for problem in found):  # a rule that cannot be asked by itself
            found.insert(0, Problem(failure.reason.value, None, failure.message))
        return found

    def _of_condition(self, failure: Failure, view: EventView) -> Problem:
        """Return what the route's `when` raises, with what in it is null."""
        name = failure.reason.value
        try:
            if self._holds is not None:
                self._holds(view.event, view.record)
        except ExpressionError as error:
            name = kind_of_error(error)
        return Problem(name, "when", failure.message, self._condition_causes(view))

    def _condition_causes(self, view: EventView) -> list[str]:
        return [] if self._when is None else self._when.in_condition(view.event, view.record, view.shown)

    def _of_rule(self, problem: FieldProblem, results: Sequence[FieldResult], view: EventView) -> Problem:
        if not problem.lacks_value:
            field = problem.fields[0] if len(problem.fields) == 1 else None
            return Problem(kind_of_error(problem.error), field, str(problem.error))
        causes = [
            f"{'.'.join(result.path)}: {self._absence(result, view)}"
            for result in results
            if result.path[0] in problem.fields and result.value in (None, "") and result.error is None
        ]
        field = problem.fields[0] if len(problem.fields) == 1 else None
        return Problem(REQUIRED_NULL, field, str(problem.error), causes)

    # --- what is left out --------------------------------------------------------------------------------------------

    def _left_out(
        self, results: Sequence[FieldResult], inspection: Inspection, lacking: set[str], view: EventView
    ) -> Iterator[Problem]:
        for result in results:
            if result.value is None and result.error is None and result.path[0] not in lacking:
                yield Problem(NULL, ".".join(result.path), self.null_cause(result.path, view))
        of_objects: dict[str, list[LeftOut]] = {}
        for each in inspection.left_out:
            if each.path not in self._expressions:
                of_objects.setdefault(each.path[0], []).append(each)
            elif each.path[0] not in lacking:
                yield Problem("", ".".join(each.path), f"{self._expressions[each.path]} {each.why}")
        for field, parts in of_objects.items():
            yield Problem(NULL, field, self._of_parts(field, parts, view))

    def _of_parts(self, field: str, parts: Sequence[LeftOut], view: EventView) -> str:
        """Return which parameters are left out of an object that one expression yields."""
        said = f"{len(parts)} parameter{'s are' if len(parts) > 1 else ' is'} null or empty"
        if any(path[0] == field for path in self._revealing(view)):
            return said
        names = [self._path_name(each.path) for each in parts[:_NAMES_SHOWN]]
        more = len(parts) - len(names)
        return f"{said}: {', '.join(names)}{f' and {more} more' if more else ''}"

    def _path_name(self, path: FieldPath) -> str:
        """Return a path for people; a parameter's name that the event chose may be a value, and is not shown then."""
        return ".".join(path) if path in self._expressions or len(path) == 1 else parameter_name(*path)

    def _longest(self, inspection: Inspection) -> Iterator[str]:
        longest = sorted(inspection.sizes.items(), key=lambda each: each[1], reverse=True)[:_LONGEST_SHOWN]
        said = [f"{self._path_name(path)} {size:,} bytes" for path, size in longest]
        if said:
            yield f"the longest fields: {', '.join(said)}"

    def _absence(self, result: FieldResult, view: EventView) -> str:
        return f"{result.expression} is empty" if result.value == "" else self.null_cause(result.path, view)

    def _revealing(self, view: EventView) -> set[FieldPath]:
        route = self._route
        return revealing_fields(route.fields, view.event, view.record, self._paths, route.each, view.element)


def _redacted(problem: Problem, view: EventView) -> Problem:
    text = view.redactor.text
    return problem._replace(message=text(problem.message), details=[text(detail) for detail in problem.details])


def _date(seconds: Any) -> str | None:
    if isinstance(seconds, str) and seconds.isdigit() and len(seconds) <= 10:
        seconds = int(seconds)
    return record_time(seconds * 1000) if type(seconds) is int else None


# --- sizes -----------------------------------------------------------------------------------------------------------


def _weights(limits: Limits, vendors: Limits, envelope: str) -> Iterator[str]:
    """Yield what counts beside the event's own bytes, and what lowered the limit."""
    around = envelope or "what a request holds beside its events"
    if limits.bare:
        yield f"an event that is sent alone goes without {around}: its own bytes alone count"
    elif limits.envelope:
        yield f"to these bytes {limits.envelope:,} are added for {around}"
    elif envelope:
        yield f"{around} are added at sending and do not count"
    if limits.max_bytes < vendors.max_bytes:
        yield f"batch.max_bytes lowers the limit: the vendor takes {vendors.max_bytes:,} bytes"
