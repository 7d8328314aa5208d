"""The status page: rendered on the server; its script fetches the page again and swaps in the parts that changed."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from connector.operations.charts import line_chart, share_bar
from connector.operations.formatting import counted, duration, failure_label, moment, number, size
from connector.operations.page_notices import Facts, always_null, badge, log_changes, warnings
from connector.operations.sink_history import Point, covered_seconds
from connector.operations.wait_reasons import WaitReason, state

_TEMPLATE = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
_BEFORE, _AFTER = _TEMPLATE.split("{{main}}")

# The states of events that are read and not settled: key in the status, CSS class, text.
_OPEN_STATES = (
    ("unsent", "unsent", "waiting to be sent"),
    ("in_flight", "in-flight", "in a request"),
    ("retrying", "retrying", "waiting for another try"),
    ("dead_letters_under_way", "letters", "dead letters under way"),
    ("deferred", "deferred", "kept back by the flood guard"),
)


def _hash_of(element: str) -> str:
    match = re.search(rf"<{element}>(.*?)</{element}>", _TEMPLATE, re.DOTALL)
    content = match[1] if match else ""
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {_hash_of('style')}; script-src {_hash_of('script')}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def render(facts: Facts, points: Mapping[str, Sequence[Point]], configuration: str) -> str:
    """Return the whole page.

    `facts` is the status, `points` the last hour of each sink, `configuration` the one with its secrets hidden.
    """
    sinks = "".join(_sink(f"sink-{index}", sink, points[sink["sink"]]) for index, sink in enumerate(facts["sinks"]))
    return f"{_BEFORE}{_top(facts)}<main>{sinks}{_about(facts, configuration)}</main>{_AFTER}"


def _live(identity: str, content: str, kind: str = "") -> str:
    """Return an element that the script keeps up to date."""
    return f'<div id="{identity}" class="{kind}" data-live>{content}</div>'


def _top(facts: Facts) -> str:
    ready = ("Ready", "good") if facts["ready"] else ("Not ready: no assignment yet", "warn")
    return (
        '<header class="top"><h1>Connector</h1>'
        + _live("ready", badge(*ready))
        + _live(
            "now",
            f"up {duration(facts['uptime_seconds'])}, as of <time>{moment(facts['at'])}</time>",
            "quiet",
        )
        + "</header>"
    )


def _sink(identity: str, sink: Facts, points: Sequence[Point]) -> str:
    partitions = sink["partitions"]
    return (
        f'<section class="card" aria-labelledby="{identity}-name">'
        f'<div><div class="head"><h2 id="{identity}-name">{escape(sink["sink"])}</h2>'
        f"{_live(f'{identity}-state', badge(*state(WaitReason(sink['waiting_for']['cause']))))}</div>"
        f"{_live(f'{identity}-why', _why(sink))}</div>"
        f"{_live(f'{identity}-warnings', warnings(sink['warnings']))}"
        f"{_live(f'{identity}-log', log_changes(sink['log_changes']))}"
        f"{_live(f'{identity}-nulls', always_null(sink['routes']))}"
        f"{_live(f'{identity}-facts', _facts(sink))}"
        f"{_live(f'{identity}-charts', _charts(points))}"
        f"{_live(f'{identity}-open', _open(sink))}"
        f"{_live(f'{identity}-sums', _sums(sink))}"
        f"{_live(f'{identity}-failures', _failures(sink['recent_failures']))}"
        f"<details><summary>Partitions</summary>{_live(f'{identity}-partitions', _partitions(partitions))}</details>"
        f"{_live(f'{identity}-events', _vendor_events(sink['vendor_events']))}"
        "</section>"
    )


def _why(sink: Facts) -> str:
    also = "".join(f"<li>{escape(wait['detail'])}</li>" for wait in sink["also_waiting_for"])
    return f'<p class="why">{escape(sink["waiting_for"]["detail"])}.</p>' + (
        f'<ul class="also">{also}</ul>' if also else ""
    )


def _facts(sink: Facts) -> str:
    lag, requests = sink["lag"], sink["requests"]
    drained, expires = lag["drained_in_seconds"], lag["expires_in_seconds"]
    pairs = [
        ("Events a second", number(sink["events_per_second"])),
        ("Lag, events", "unknown" if lag["events"] is None else number(lag["events"])),
        ("Drained in, at this rate", "unknown" if drained is None else duration(drained)),
        ("Requests in flight", f"{number(requests['in_flight'])} of {number(requests['in_flight_limit'])}"),
        ("Oldest open event", duration(lag["oldest_seconds"])),
        *([] if expires is None else [("Kafka deletes that in", duration(expires))]),
    ]
    return f'<dl class="facts">{"".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs)}</dl>'


def _charts(points: Sequence[Point]) -> str:
    rates: list[float | None] = [point.rate for point in points]
    lags: list[float | None] = [point.lag for point in points]
    return f'<div class="two">{_chart("Events a second", rates)}{_chart("Lag, events", lags)}</div>'


def _chart(title: str, values: Sequence[float | None]) -> str:
    peak = max((value for value in values if value is not None), default=None)
    return (
        f'<div><div class="chart"><h3>{title}, last hour</h3><span class="quiet">peak {number(peak)}</span></div>'
        f"{line_chart(values, f'{title}: peak {number(peak)} in the last {duration(covered_seconds(values))}')}"
        '<div class="axis"><span>60 min ago</span><span>now</span></div></div>'
    )


def _open(sink: Facts) -> str:
    at = sink["open"]
    shares = [(kind, at[key]) for key, kind, _ in _OPEN_STATES]
    legend = "".join(
        f'<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect class="{kind}" width="1" height="1"/></svg>'
        f"{number(at[key])} {words}</li>"
        for key, kind, words in _OPEN_STATES
        if at[key]
    )
    return (
        f"<h3>Read and not settled: {counted(at['records'], 'record')}, {size(at['bytes'])}</h3>"
        f"{share_bar(shares, 'The states of the open events')}"
        f'<ul class="legend">{legend or "<li>nothing is open</li>"}</ul>'
    )


def _sums(sink: Facts) -> str:
    return f'<div class="two"><div>{_account(sink["counts"])}</div><div>{_batches(sink)}</div></div>'


def _account(counts: Facts) -> str:
    letters, items = counts["dead_lettered"], counts["items"]["delivered"]
    rows = [
        ("", "Read", counts["read"]),
        ("", "Delivered", counts["delivered"]),
        *([("part", "items", items)] if items != counts["delivered"] else []),
        ("", "Dead-lettered", sum(letters.values())),
        *(("part", reason, count) for reason, count in sorted(letters.items())),
        ("", "Skipped", counts["skipped"]),
        ("", "Open", counts["open"]),
    ]
    if counts["given_back"]:
        rows.append(("", "Given back to the partition's next owner", counts["given_back"]))
    if counts["late"]:
        rows.append(("part", "settled all the same", counts["late"]))
    if counts["lost_to_retention"]:
        rows.append(("", "Deleted by Kafka before they were read, at most", counts["lost_to_retention"]))
    return f"<h3>Events since the start, counted once a route</h3>{_sum_table(rows)}"


def _batches(sink: Facts) -> str:
    batches, requests = sink["batches"], sink["requests"]
    rows: list[tuple[str, str, Any]] = [
        ("", "Events in a batch, mean", f"{number(batches['mean_events'])} of {number(batches['max_events'])}"),
        ("", "Bytes in a batch, mean", f"{number(batches['mean_bytes'])} of {number(batches['max_bytes'])}"),
        *(("part", f"closed by {by}", count) for by, count in sorted(batches["closed_by"].items())),
        ("", "Requests answered", sum(requests["by_status"].values())),
        *(("part", f"with {status}", count) for status, count in sorted(requests["by_status"].items())),
    ]
    return f"<h3>Batches and requests since the start</h3>{_sum_table(rows)}"


def _sum_table(rows: Iterable[tuple[str, str, Any]]) -> str:
    body = "".join(
        f'<tr class="{kind}"><th scope="row">{escape(name)}</th>'
        f'<td class="n">{value if isinstance(value, str) else number(value)}</td></tr>'
        for kind, name, value in rows
    )
    return f'<table class="sums"><tbody>{body}</tbody></table>'


def _failures(failures: Sequence[Facts]) -> str:
    if not failures:
        return '<h3>Recent failures</h3><p class="quiet">None since the start.</p>'
    rows = [
        (
            ("t", moment(each["at"])),
            ("t", failure_label(each["kind"], each["reason"])),
            ("n", each["status"] or ""),
            ("w", each["message"]),
            ("t", each["method"] or ""),
            ("t", each["record"] or ""),
        )
        for each in failures
    ]
    names = ("Time", "What", "Status", "Message", "Method", "Record")
    return f"<h3>Recent failures</h3>{_table(names, rows, 'Recent failures')}"


def _partitions(partitions: Sequence[Facts]) -> str:
    if not partitions:
        return '<p class="quiet">None is assigned to this process.</p>'
    rows = [
        (
            ("t", f"{each['topic']}/{each['partition']}"),
            ("n", number(each["position"])),
            ("n", number(each["next_offset"])),
            ("n", number(each["high"])),
            ("n", number(each["lag"])),
            ("n", number(each["open_events"])),
            ("t", "halted: read too far ahead" if each["halted"] else "read"),
        )
        for each in partitions
    ]
    names = ("Partition", "Position", "Next to read", "End", "Lag", "Open", "Now")
    return _table(names, rows, "Partitions")


def _vendor_events(events: Facts) -> str:
    if not events:
        return ""
    rows = [(("t", key), ("t", name)) for key, name in events.items()]
    return f"<h3>Events that the routes name</h3>{_table(('Key', 'Name at the vendor (kind)'), rows, 'Events')}"


def _table(names: Sequence[str], rows: Sequence[Sequence[tuple[str, Any]]], label: str) -> str:
    """Return a table that scrolls sideways if it must; a cell is a CSS class and a value."""
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(name)}</th>' for name, (kind, _) in zip(names, rows[0], strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f'<td class="{kind}">{escape(str(value))}</td>' for kind, value in row) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _about(facts: Facts, configuration: str) -> str:
    versions = ", ".join(
        f"{'connector' if name == 'version' else escape(name)} {escape(version)}"
        for name, version in facts["versions"].items()
    )
    return (
        '<section class="card" aria-label="Process"><details><summary>Configuration, secrets hidden</summary>'
        f"<pre>{escape(configuration)}</pre></details>"
        f'<p class="quiet">Started {moment(facts["started_at"])}: {versions}.</p></section>'
    )
