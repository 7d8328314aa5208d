"""The status of all sinks as plain data, for `/status` and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from connector.clock import Clock
from connector.delivery.stats import RecentFailure, Stats
from connector.kafka.source_interface import LogChange
from connector.operations.health import not_ready
from connector.operations.null_history import FieldNulls, NullHistory, RouteNulls
from connector.operations.sink_history import SinkHistory, drain_seconds
from connector.operations.snapshot import ObservedSink, SinkSnapshot
from connector.operations.wait_reasons import wait_reasons
from connector.redaction.vendor_messages import mask_failure_message

RECENT_FAILURES = 50


def status(
    runtimes: Sequence[ObservedSink],
    snapshots: Sequence[SinkSnapshot],
    histories: Mapping[str, SinkHistory],
    nulls: Mapping[str, NullHistory],
    *,
    versions: Mapping[str, str],
    started_at: float,
    clock: Clock,
) -> dict[str, Any]:
    """Return the data of `/status`. Times are ISO 8601 in UTC, durations seconds; unknown values are null."""
    now = clock.now()
    return {
        "at": timestamp(now),
        "started_at": timestamp(started_at),
        "uptime_seconds": round(now - started_at, 1),
        "versions": dict(versions),
        "ready": not not_ready(runtimes),
        "sinks": [sink_status(each, histories[each.name], nulls[each.name], clock) for each in snapshots],
    }


def sink_status(snapshot: SinkSnapshot, history: SinkHistory, nulls: NullHistory, clock: Clock) -> dict[str, Any]:
    """Return one sink's part of the status."""
    stats, rate = snapshot.stats, history.rate()
    main, *others = wait_reasons(snapshot)
    per_record = stats.read / stats.records if stats.records else 1.0
    return {
        "sink": snapshot.name,
        "state": snapshot.state,
        "reason": snapshot.reason,
        "waiting_for": {"cause": main.cause, "detail": main.detail},
        "also_waiting_for": [{"cause": wait.cause, "detail": wait.detail} for wait in others],
        "lag": {
            "events": snapshot.lag_events,
            "oldest_seconds": round(snapshot.oldest_seconds, 1),
            "held_seconds": round(snapshot.held_seconds, 1),
            "drained_in_seconds": _rounded(drain_seconds(snapshot.lag_events, per_record, rate)),
            "expires_in_seconds": _rounded(snapshot.retention_left),
        },
        "open": _open(snapshot),
        "events_per_second": round(rate, 1),
        "counts": _counts(stats),
        "requests": _requests(snapshot),
        "batches": _batches(snapshot),
        "warnings": [asdict(warning) for warning in snapshot.warnings],
        "vendor_events": dict(snapshot.vendor_events),
        "kafka_trouble": snapshot.kafka_trouble,
        "dead_letter_trouble": snapshot.letter_trouble,
        "standing": [blocked._asdict() for blocked in snapshot.standing],
        "partitions": [asdict(partition) for partition in snapshot.partitions],
        "routes": [_route(route, clock) for route in nulls.routes()],
        "log_changes": [_log_change(at, change) for at, change in reversed(stats.recent_log_changes)],
        "recent_failures": recent_failures(stats, clock),
    }


def recent_failures(stats: Stats, clock: Clock) -> list[dict[str, Any]]:
    """Return the last failures, the newest first: no payload, the vendor's messages masked."""
    offset = clock.now() - clock.monotonic()
    latest = sorted((*stats.recent_letters, *stats.recent_faults), key=lambda failure: failure.at, reverse=True)
    return [_failure(failure, offset) for failure in latest[:RECENT_FAILURES]]


def timestamp(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _failure(failure: RecentFailure, offset: float) -> dict[str, Any]:
    return {
        "at": timestamp(failure.at + offset),
        "kind": "dead_letter" if failure.record else "request",
        "reason": failure.reason,
        "method": failure.method,
        "status": failure.status,
        "message": mask_failure_message(failure.message, status=failure.status, reason=failure.reason),
        "record": failure.record,
    }


def _log_change(at: float, change: LogChange) -> dict[str, Any]:
    """Return a truncated log or a recreated topic: `wanted` was the next offset, reading continued at `resumes_at`."""
    return {"at": timestamp(at), **change._asdict(), "change": str(change.change)}


def _route(route: RouteNulls, clock: Clock) -> dict[str, Any]:
    """Return one route: the events it mapped, and its fields that came out null (or as an empty text)."""
    return {
        "name": route.name,
        "method": route.method,
        "events": route.events,
        "events_last_minute": route.events_last_minute,
        "null_fields": [_null_field(field, route.events_last_minute, clock) for field in route.fields],
    }


def _null_field(field: FieldNulls, events: int, clock: Clock) -> dict[str, Any]:
    """Return one field's nulls; `events` are the route's of the last minute, `share` is null without one."""
    always = field.always
    since = None if always is None else timestamp(always.since + clock.now() - clock.monotonic())
    return {
        "field": field.field,
        "nulls": field.nulls,
        "nulls_last_minute": field.nulls_last_minute,
        "share_last_minute": round(field.nulls_last_minute / events, 3) if events else None,
        "always_null": None if always is None else {**always._asdict(), "since": since},
    }


def _open(snapshot: SinkSnapshot) -> dict[str, Any]:
    """Return the open records, and how many of their events are in which state."""
    return {
        "records": snapshot.open_events,
        "bytes": snapshot.open_bytes,
        "unsent": snapshot.unsent,
        "in_flight": snapshot.in_flight,
        "retrying": snapshot.retrying,
        "dead_letters_under_way": snapshot.letters,
        "deferred": snapshot.deferred,
    }


def _counts(stats: Stats) -> dict[str, Any]:
    """Return counts of (event, route) pairs: read + late = delivered + dead-lettered + skipped + given back + open.

    `items` counts their items; nothing is skipped of those.
    """
    return {
        "read": stats.read,
        "delivered": stats.delivered,
        "dead_lettered": dict(stats.dead_lettered),
        "skipped": stats.skipped,
        "given_back": stats.given_back,
        "late": stats.late,
        "open": stats.read + stats.late - stats.settled - stats.given_back,
        "settled_before": stats.settled_before,
        "lost_to_retention": stats.lost_to_retention,
        "log_changes": dict(stats.log_changes),
        "items": {
            "read": stats.items_read,
            "delivered": stats.items_delivered,
            "dead_lettered": stats.items_dead_lettered,
            "given_back": stats.items_given_back,
            "late": stats.items_late,
            "open": stats.items_open,
        },
    }


def _requests(snapshot: SinkSnapshot) -> dict[str, Any]:
    return {
        "in_flight": snapshot.requests,
        "in_flight_limit": snapshot.window,
        "by_status": dict(snapshot.stats.requests),
        "retried": snapshot.stats.retries,
        "vendor_codes": dict(snapshot.stats.codes.most_common()),
    }


def _batches(snapshot: SinkSnapshot) -> dict[str, Any]:
    stats = snapshot.stats
    closed = stats.batches_closed.total()
    return {
        "closed_by": dict(stats.batches_closed),
        "mean_events": round(stats.batch_events / closed, 1) if closed else None,
        "max_events": snapshot.limits.max_events,
        "mean_bytes": round(stats.batch_bytes / closed) if closed else None,
        "max_bytes": snapshot.limits.max_bytes,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
