"""The metrics: each defined once, read from the pipelines when Prometheus asks; nothing is counted for it before."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version as package_version
from itertools import accumulate
from typing import NamedTuple

from confluent_kafka import libversion
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from connector.batching.batcher import ClosedBy
from connector.delivery.gate import SinkState
from connector.delivery.stats import MAX_CODES, OTHER_CODES, Histogram
from connector.kafka.log_changes import LogChangeKind
from connector.model import OutcomeKind, Reason
from connector.operations.snapshot import SinkSnapshot
from connector.operations.wait_reasons import wait_reasons
from connector.routing.route_counts import RouteCounts

LOG_CHANGES = (LogChangeKind.TRUNCATED, LogChangeKind.OVERWRITTEN, LogChangeKind.RECREATED)
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx", "error")
REBALANCES = ("assigned", "revoked", "lost")

Values = Iterable[tuple[tuple[str, ...], float]]


class Definition(NamedTuple):
    """One metric of every sink. `labels` are those beside `sink`; `read` yields label values and the number.

    A value that `read` does not yield is unknown and left out.
    """

    name: str
    labels: tuple[str, ...]
    read: Callable[[SinkSnapshot], Values]
    help: str

    @property
    def kind(self) -> str:
        """Return its type, which follows from its name: a counter's ends in `_total`, a gauge's does not."""
        return "counter" if self.name.endswith("_total") else "gauge"


def _single(name: str, number: Callable[[SinkSnapshot], float | None], meaning: str) -> Definition:
    """Return the definition of a metric that is one number; None where it is unknown."""

    def read(view: SinkSnapshot) -> Values:
        value = number(view)
        return () if value is None else (((), value),)

    return Definition(name, (), read, meaning)


def _labelled(
    name: str, label: str, numbers: Callable[[SinkSnapshot], Mapping[str, float]], meaning: str
) -> Definition:
    """Return the definition of a metric with a number for each value of one label."""
    return Definition(name, (label,), lambda view: (((value,), n) for value, n in numbers(view).items()), meaning)


def _filled(counts: Mapping[str, int], known: Iterable[str]) -> Mapping[str, float]:
    """Return the count of each label value that is known beforehand, 0 included: rates need a first sample."""
    return {value: counts.get(value, 0) for value in known}


def _outcomes(view: SinkSnapshot) -> Mapping[str, float]:
    stats = view.stats
    return {"delivered": stats.delivered, "dead_lettered": stats.dead_lettered.total(), "skipped": stats.skipped}


def _by_route(routes: Iterable[RouteCounts]) -> Values:
    return (((route.name,), route.events) for route in routes)


def _by_field(routes: Iterable[RouteCounts]) -> Values:
    return (((route.name, field), nulls) for route in routes for field, nulls in route.nulls())


def _item_outcomes(view: SinkSnapshot) -> Mapping[str, float]:
    stats = view.stats
    return {"delivered": stats.items_delivered, "dead_lettered": stats.items_dead_lettered}


# Two lines for each metric: name and source; meaning. Each meaning is shown alone, so it must be understood alone.
# fmt: off
METRICS: tuple[Definition, ...] = (
    # Events
    _single("connector_records_read_total", lambda view: view.stats.records,
            "Kafka records read."),
    _single("connector_records_settled_before_total", lambda view: view.stats.settled_before,
            "Records not sent again because the commit's metadata said that an earlier owner had settled them."),
    _single("connector_events_settled_before_total", lambda view: view.stats.parts_settled_before,
            "Items of half-settled records not sent again because the commit's metadata said that they were settled."),
    _single("connector_events_read_total", lambda view: view.stats.read,
            "Events read, counted once for each route that takes them; read + late = settled + given back + open."),
    _labelled("connector_events_settled_total", "outcome", _outcomes,
              "Events settled, by outcome: delivered, dead_lettered, skipped (no route takes them, or a tombstone)."),
    _single("connector_items_read_total", lambda view: view.stats.items_read,
            "Items that were made of the events read: one for each route, several where the route has `each`."),
    _labelled("connector_items_settled_total", "outcome", _item_outcomes,
              "Items settled, by outcome: delivered, dead_lettered. An event is delivered once all its items are."),
    _single("connector_events_given_back_total", lambda view: view.stats.given_back,
            "Events that were open when their partition was revoked; its next owner reads them again."),
    _single("connector_events_late_total", lambda view: view.stats.late,
            "Events settled after they were given back: the vendor or the dead-letter topic may get them twice."),
    _single("connector_events_untold_total", lambda view: view.stats.not_in_metadata,
            "Settled records and items of a revoked partition for which its commit had no room: they are sent twice."),
    _labelled("connector_dead_letters_total", "reason", lambda view: _filled(view.stats.dead_lettered, Reason),
              "Dead letters that the brokers have, by reason."),
    _single("connector_events_lost_to_retention_total", lambda view: view.stats.lost_to_retention,
            "Offsets that Kafka deleted before they were read: at most so many events, as some may have held none."),
    _labelled("connector_log_changes_total", "change", lambda view: _filled(view.stats.log_changes, LOG_CHANGES),
              "Partitions whose log was not the one read: truncated, overwritten (truncated, then grown), recreated."),
    Definition("connector_route_events_total", ("route",), lambda view: _by_route(view.stats.routes),
               "Events that a route mapped, also where that raised; an event that is read again counts again."),
    Definition("connector_fields_null_total", ("route", "field"), lambda view: _by_field(view.stats.routes),
               "Events of a route whose field is null or an empty text; where a field raises they are unmappable."),
    # Requests and batches
    _labelled("connector_requests_total", "status", lambda view: _filled(view.stats.requests, STATUS_CLASSES),
              "Requests answered, by class of the HTTP status; error: no status came (timeout, broken connection)."),
    _labelled("connector_requests_blamed_total", "blame", lambda view: _filled(view.stats.outcomes, OutcomeKind),
              "Requests answered, by who is responsible: nobody (accepted), event, vendor, ours."),
    _single("connector_requests_retried_total", lambda view: view.stats.retries,
            "Requests that carried an event sent before."),
    _labelled("connector_vendor_codes_total", "code", lambda view: view.stats.codes,
              f"Answers with an error code of the vendor; codes after the first {MAX_CODES} count as {OTHER_CODES}."),
    _single("connector_requests_in_flight", lambda view: view.requests,
            "Requests without an answer yet."),
    _single("connector_requests_in_flight_limit", lambda view: view.window,
            "How many requests may be in flight now; after an outage it grows again."),
    _labelled("connector_batches_total", "closed_by", lambda view: _filled(view.stats.batches_closed, ClosedBy),
              "Batches sent a first time, by what closed them: count, bytes, linger."),
    _single("connector_batch_events_total", lambda view: view.stats.batch_events,
            "Events in batches sent a first time."),
    _single("connector_batch_bytes_total", lambda view: view.stats.batch_bytes,
            "Bytes of batches sent a first time."),
    _single("connector_retrying_batches", lambda view: view.batches_retrying,
            "Batches that failed and wait for another try."),
    # What is open, and why
    _single("connector_open_events", lambda view: view.open_parts,
            "Items read and not settled, one for each route that takes an event: what `max_open_events` bounds."),
    _single("connector_open_bytes", lambda view: view.open_bytes,
            "Bytes of the records read and not settled."),
    _single("connector_lag_events", lambda view: view.lag_events,
            "Records between the positions and the ends of the partitions assigned to this process."),
    _single("connector_lag_seconds", lambda view: view.oldest_seconds,
            "Age of the oldest event that is read and not settled, by Kafka's timestamp; 0 if there is none."),
    _single("connector_partitions_standing", lambda view: len(view.standing),
            "Partitions blocked by a record that cannot be unpacked or read."),
    _single("connector_held_seconds", lambda view: view.held_seconds,
            "Seconds since the oldest event that is not settled was read; 0 if there is none."),
    _single("connector_retention_left_seconds", lambda view: view.retention_left,
            "Seconds until Kafka may delete the oldest event read and not settled; absent where no limit is known."),
    _single("connector_longest_key_wait_events", lambda view: view.longest_wait,
            "Events that wait behind the busiest key."),
    _labelled("connector_gate_state", "state", lambda view: {state: state == view.state for state in SinkState},
              "1 for the state that the sink's gate is in, 0 for the others."),
    _single("connector_gate_closings_total", lambda view: view.stats.vendor_outages,
            "How often the vendor's failures closed the gate."),
    _labelled("connector_waiting_for", "cause", lambda view: {wait_reasons(view)[0].cause: 1},
              "1 for the main cause that the sink waits for."),
    # Kafka
    _labelled("connector_commits_total", "result",
              lambda view: {"ok": view.stats.commits, "failed": view.stats.commit_failures},
              "Commits of offsets, by result: ok, failed."),
    _labelled("connector_rebalances_total", "kind", lambda view: _filled(view.stats.rebalances, REBALANCES),
              "Rebalances, by kind: assigned, revoked, lost."),
    _single("connector_partitions", lambda view: len(view.partitions),
            "Partitions assigned to this process."),
    _single("connector_partitions_halted", lambda view: sum(partition.halted for partition in view.partitions),
            "Partitions that are not read for now, because reading is too far ahead of their position."),
    _single("connector_dead_letters_pending", lambda view: view.letters,
            "Dead letters without a delivery report yet."),
    _single("connector_dead_letter_topic_refuses", lambda view: bool(view.letter_trouble),
            "1 while dead letters cannot be written: their partitions wait."),
    _single("connector_configuration_warnings", lambda view: len(view.warnings),
            "Mistakes in the configuration that the vendor reveals: an unknown event_key, a sum without value."),
    _single("connector_kafka_trouble", lambda view: bool(view.kafka_trouble),
            "1 while the brokers or a topic cannot be read."),
)
# fmt: on

DURATION = ("connector_request_duration_seconds", "histogram", "Seconds from sending a request to its answer's end.")
BUILD_INFO = ("connector_build_info", "gauge", "1; the labels say which versions run.")
BUILD_LABELS = ("version", "python", "confluent_kafka", "librdkafka")


class SinkCollector(Collector):
    """Yields every metric of all sinks from snapshots taken when Prometheus asks."""

    def __init__(self, snapshots: Callable[[], Sequence[SinkSnapshot]], version: str) -> None:
        self._snapshots = snapshots
        self._version = version

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not take snapshots."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Take the snapshots once, and yield all metric families."""
        snapshots = self._snapshots()
        for definition in METRICS:
            kind = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
            family = kind(definition.name, definition.help, labels=("sink", *definition.labels))
            for snapshot in snapshots:
                for labels, value in definition.read(snapshot):
                    family.add_metric((snapshot.name, *labels), value)
            yield family
        yield _durations(snapshots)
        yield self._build_info()

    def _build_info(self) -> Metric:
        info = GaugeMetricFamily(BUILD_INFO[0], BUILD_INFO[2], labels=BUILD_LABELS)
        info.add_metric(list(versions(self._version).values()), 1.0)
        return info


def versions(version: str) -> dict[str, str]:
    """Return the running versions: the connector's own, Python's, the Kafka client's and librdkafka's."""
    texts = version, platform.python_version(), package_version("confluent-kafka"), libversion()[0]
    return dict(zip(BUILD_LABELS, texts, strict=True))


def build_registry(snapshots: Callable[[], Sequence[SinkSnapshot]], version: str) -> CollectorRegistry:
    """Return a registry of its own with the sinks' metrics and the process's (CPU, memory, file descriptors, start)."""
    registry = CollectorRegistry()
    registry.register(SinkCollector(snapshots, version))
    ProcessCollector(registry=registry)
    return registry


def _durations(snapshots: Sequence[SinkSnapshot]) -> Metric:
    family = HistogramMetricFamily(DURATION[0], DURATION[2], labels=("sink",))
    for snapshot in snapshots:
        histogram = snapshot.stats.request_seconds
        family.add_metric((snapshot.name,), _buckets(histogram), histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))


def markdown_table() -> str:
    """Return the Markdown table of all metrics, as docs/metrics.md has it."""
    rows: list[tuple[str, str, tuple[str, ...], str]]
    rows = [(each.name, each.kind, ("sink", *each.labels), each.help) for each in METRICS]
    rows.append((DURATION[0], DURATION[1], ("sink",), DURATION[2]))
    rows.append((BUILD_INFO[0], BUILD_INFO[1], BUILD_LABELS, BUILD_INFO[2]))
    lines = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {text} |"
        for name, kind, labels, text in rows
    ]
    return "\n".join(lines) + "\n"
