"""What `preview` prints: of one record, and of a file of events. Texts from outside are escaped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from connector.cli._terminal import printable

if TYPE_CHECKING:
    from connector.model import Record
    from connector.service.preview import RoutePreview
    from connector.service.preview_summary import FileSummary, ProblemGroup, RouteSummary

# Of a list whose elements become items, so many are printed.
_MAX_ITEMS = 20
_OUTCOMES = {"sent": "would be sent", "dead_letter": "dead letters", "skipped": "skipped"}


def record_text(record: Record, source: str | None, previews: Sequence[RoutePreview]) -> str:
    """Return what is printed of one record; `source` is the file that it was made from, None for one of Kafka's."""
    heading = record.address if source is None else f"{source} as a record of {record.topic}"
    routes = [text for _, group in groupby(previews, _target) for text in _texts(list(group))]
    return "\n\n".join([printable(f"{heading}, {record.value_size:,} bytes"), *routes])


def route_text(preview: RoutePreview) -> str:
    """Return what is printed of one route."""
    return _joined(_route_lines(preview))


def body_lines(body: Mapping[str, Any], times: Mapping[str, str]) -> list[str]:
    """Return a body as indented JSON, with the date beside each number that is a time."""
    lines = json.dumps(body, indent=2, ensure_ascii=False).split("\n")
    for name, date in times.items():
        start = f"  {json.dumps(name, ensure_ascii=False)}: "
        lines = [_dated(line, date) if line.startswith(start) else line for line in lines]
    return lines


def problem_lines(problem: Mapping[str, Any], indent: int) -> Iterator[str]:
    """Yield a problem as `Problem.as_json` has it: its message with its kind, and below it where it comes from."""
    yield " " * indent + problem["message"] + (f" [{problem['name']}]" if problem["name"] else "")
    for detail in problem["details"]:
        yield " " * (indent + 2) + detail


def left_out_lines(left_out: Sequence[Mapping[str, Any]], indent: int) -> Iterator[str]:
    """Yield the fields that are not sent, each with the reason."""
    if left_out:
        yield " " * indent + "left out:"
    for each in left_out:
        yield from problem_lines({**each, "message": f"{each['field']}: {each['message']}"}, indent + 2)


def _route_lines(preview: RoutePreview) -> Iterator[str]:
    target = _target(preview)
    if preview.element is not None:
        target += f", item {preview.element}"
    shown = preview.as_json()
    if preview.outcome == "sent":
        yield f"{target}: would be sent, {preview.size:,} bytes of at most {preview.limit:,}"
        if preview.vendor_event is not None:
            yield f"  fires: {preview.vendor_event}"
        yield from body_lines(preview.body or {}, preview.times)
    elif preview.outcome == "dead_letter":
        yield f"{target}: a dead letter, {preview.reason}"
    else:
        yield f"{target}: skipped"
        if not preview.notes:
            yield f"  {preview.why}"
    for problem in (*shown["problems"], *shown["notes"]):
        yield from problem_lines(problem, 2)
    yield from left_out_lines(shown["left_out"], 2)


def _texts(previews: Sequence[RoutePreview]) -> Iterator[str]:
    """Yield what is printed of one route: of a route with `each`, of so many items."""
    yield from map(route_text, previews[:_MAX_ITEMS])
    more = previews[_MAX_ITEMS:]
    if more:
        outcomes = Counter(_OUTCOMES[preview.outcome] for preview in more)
        said = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())
        yield printable(f"{_target(more[0])}, {len(more):,} items more: {said} (--json has them)")


def _target(preview: RoutePreview | RouteSummary) -> str:
    target = f"{preview.sink}.{preview.method}" if preview.method else preview.sink
    return f"{target} ({preview.route})" if preview.route and preview.route != target else target


def _dated(line: str, date: str) -> str:
    """Return a line of JSON with the date after its number, before the comma."""
    number, comma = (line[:-1], ",") if line.endswith(",") else (line, "")
    return f"{number} ({_readable(date)}){comma}"


def _readable(date: str) -> str:
    return datetime.fromisoformat(date).strftime("%Y-%m-%d %H:%M:%S UTC")


def _joined(lines: Iterator[str]) -> str:
    return "\n".join(printable(line) for line in lines)


# --- a file of events ------------------------------------------------------------------------------------------------


def file_text(summary: FileSummary, source: str | None) -> str:
    """Return what is printed of a file of events."""
    heading = f"{source} as records of {summary.topic}: {summary.events:,} events, {summary.octets:,} bytes"
    return "\n\n".join([printable(heading), *(_joined(_summary_lines(each)) for each in summary.in_order())])


def _summary_lines(summary: RouteSummary) -> Iterator[str]:
    letters = f"{summary.dead_letters:,} dead letter{'' if summary.dead_letters == 1 else 's'}"
    reasons = f" ({', '.join(f'{reason} {count:,}' for reason, count in summary.reasons.items())})"
    letters += reasons if summary.reasons else ""
    if summary.route is None:
        yield f"{summary.sink}, before any route: {letters}"
    else:
        target = _target(summary)
        items = f" item{'' if summary.sent == 1 else 's'}" if summary.of_items else ""
        yield f"{target}: {summary.sent:,}{items} would be sent, {_skipped(summary)}, {letters}"
    if not summary.taken and summary.skipped > summary.without_items and summary.route is not None:
        yield f"  not taken: {summary.when} does not hold [not-taken]"
        yield from (f"    {cause}" for cause in summary.conditions)
    for note in summary.notes:
        yield from problem_lines(note.as_json(), 2)
    for group in summary.problems.most_frequent():
        yield from _group_lines(group)
    if summary.null_fields:
        yield "  null or empty where the route takes the event:"
    for path, found in summary.null_fields.items():
        share = "always" if found.count == summary.taken else f"in {found.count:,} of {summary.taken:,}"
        yield f"    {'.'.join(path)}, {share}; line {found.lines[0]}: {found.cause}"


def _skipped(summary: RouteSummary) -> str:
    """Return how many events are skipped; where some have no item, how many."""
    without = f", {summary.without_items:,} of them without an item [no-items]" if summary.without_items else ""
    return f"{summary.skipped:,} {'events ' if summary.of_items else ''}skipped{without}"


def _group_lines(group: ProblemGroup) -> Iterator[str]:
    shown = ", ".join(map(str, group.lines)) + (", …" if group.count > len(group.lines) else "")
    lines = list(problem_lines({**group.first.as_json(), "message": group.said}, 0))
    yield f"  {group.count:,} event{'' if group.count == 1 else 's'}: {lines[0]}"
    yield f"    line{'' if group.count == 1 else 's'} {shown}"
    yield from (f"  {line}" for line in lines[1:])
