"""Previews a file of many events: each goes through every route, and what becomes of them is counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from connector.model import Failure, Item, Record
from connector.redaction.payloads import FieldPath
from connector.routing import Verdict
from connector.routing.explain import flat_fields, mapped_values
from connector.service.event_file import EventLine
from connector.service.preview import FileRecord, Previewer, view_of_record
from connector.service.preview_summary import FileSummary, NullField, RouteSummary
from connector.service.problems import Problem
from connector.service.record_needs import lacks

# So many events are looked at to find the topic that they are from.
_LOOKED_AT = 100


def summarise(
    previewer: Previewer,
    lines: Iterator[EventLine],
    topic: str | None,
    timestamp: int,
    given: FileRecord,
) -> FileSummary:
    """Return what becomes of these events; every record gets the same key, headers and time.

    Without a topic it is the one that fits the first events. Raises ConfigError as `Previewer.record_from_events` does.
    """
    first = list(islice(lines, _LOOKED_AT))
    model = previewer.record_from_events([line.value for line in first], topic, timestamp, given)
    summariser = _Summariser(previewer, FileSummary(model.topic), given)
    for line in chain(first, lines):
        summariser.add(model._replace(value=line.value, offset=line.number))
    return summariser.file


class _Summariser:
    """Adds one event after the other to a summary; a record's offset is its line."""

    def __init__(self, previewer: Previewer, file: FileSummary, given: FileRecord) -> None:
        self.file = file
        self._previewer, self._given, self._redact = previewer, given, previewer.settings.redact
        self._fields = {route.name: list(flat_fields(route.fields)) for route in previewer.settings.routes}

    def add(self, record: Record) -> None:
        """Count what becomes of one event."""
        self.file.events += 1
        self.file.octets += record.value_size
        for sink, router in self._previewer.routers.items():
            explanation = router.explain(record)
            for verdict in explanation.verdicts:
                self._add_verdict(sink, verdict, record)
            if explanation.failure is not None:
                self._add_failure(sink, explanation.failure, record.offset)

    def _of(self, sink: str, route: str | None, method: str | None) -> RouteSummary:
        summary = self.file.routes.get((sink, route))
        if summary is None:
            summary = self.file.routes[sink, route] = RouteSummary(sink, route, method)
        return summary

    def _add_failure(self, sink: str, failure: Failure, line: int) -> None:
        """Count an event that fails in a sink before any route is asked."""
        summary = self._of(sink, None, None)
        summary.reasons[failure.reason.value] += 1
        summary.problems.add(Problem(failure.reason.value, None, failure.message), line)

    def _add_verdict(self, sink: str, verdict: Verdict, record: Record) -> None:
        summary = self._of(sink, verdict.route, verdict.method)
        summary.when = verdict.when
        if not summary.taken and (verdict.result is not None or not summary.skipped):
            self._note_first(summary, verdict, record)
        if verdict.result is None:
            summary.skipped += 1
            summary.without_items += verdict.no_elements
            return
        summary.of_items = summary.of_items or bool(verdict.result.element)
        mapped = verdict.mapped
        if isinstance(verdict.result, Failure):
            mapped = self._add_dead_letter(summary, verdict.route, verdict.result, record)
        else:
            summary.sent += 1
        self._add_null_fields(summary, verdict.result, mapped or {}, record)

    def _note_first(self, summary: RouteSummary, verdict: Verdict, record: Record) -> None:
        """Note what the records lack, and why the first event is not taken as long as none is."""
        inspector, taken = self._previewer.inspector(verdict.route), verdict.result is not None
        summary.notes = lacks(inspector.needs(taken=taken), record, has_time=self._given.timestamp is not None)
        view = None if taken else view_of_record(record, self._redact)
        summary.conditions = () if view is None else inspector.details(None, view).conditions

    def _add_dead_letter(
        self, summary: RouteSummary, route: str, failure: Failure, record: Record
    ) -> Mapping[str, Any] | None:
        """Count a dead letter with all its problems; return the fields that have a value or raised."""
        summary.reasons[failure.reason.value] += 1
        view = view_of_record(record, self._redact)
        if view is None:  # it was decoded a moment ago
            return None
        inspector = self._previewer.inspector(route)
        for problem in inspector.details(failure, view).problems:
            summary.problems.add(problem, record.offset)
        results = inspector.evaluate(view._replace(element=failure.element))
        return mapped_values(each if each.error is None else each._replace(value=True) for each in results)

    def _add_null_fields(
        self, summary: RouteSummary, result: Item | Failure, mapped: Mapping[str, Any], record: Record
    ) -> None:
        for path, expression in self._fields[summary.route or ""]:
            value = mapped.get(path[0])
            if len(path) > 1 and isinstance(value, dict):
                value = value.get(path[1])
            if value is not None and value != "":
                continue
            found = summary.null_fields.get(path)
            if found is None:
                cause = self._null_cause(result, path, expression) if value is None else f"{expression} is empty"
                found = summary.null_fields[path] = NullField(expression=expression, cause=cause)
            found.add(record.offset)

    def _null_cause(self, result: Item | Failure, path: FieldPath, expression: str) -> str:
        view = view_of_record(result.record, self._redact)
        if view is None or result.route is None:
            return f"{expression} is null"
        view = view._replace(element=result.element)
        return self._previewer.inspector(result.route).null_cause(path, view)
