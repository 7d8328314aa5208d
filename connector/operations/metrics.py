"""The metrics: each defined once, read from the pipelines when Prometheus asks, nothing counted for it before."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version as package_version
from itertools import accumulate
from typing import Literal, NamedTuple

from confluent_kafka import libversion
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from connector.batching.lanes import ClosedBy
from connector.delivery.gate import GateState
from connector.delivery.stats import Histogram
from connector.model import Blame, Reason
from connector.operations.view import SinkView
from connector.operations.waiting import waits

# A vendor invents its codes: so many have a label of their own, in the order of their first coming.
MAX_CODES = 32
MAX_CODE_LENGTH = 32
OTHER_CODES = "other"

STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx", "error")
REBALANCES = ("assigned", "revoked", "lost")

Values = Iterable[tuple[tuple[str, ...], float]]


class Definition(NamedTuple):
    """One metric of every sink. `labels` are those beside `sink`; `read` yields their values and the number.

    A counter's `name` ends in `_total`. What `read` does not yield is not known yet, and is left out.
    """

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    help: str
    read: Callable[[SinkView], Values]


def _one(number: Callable[[SinkView], float | None]) -> Callable[[SinkView], Values]:
    def read(view: SinkView) -> Values:
        value = number(view)
        return () if value is None else (((), value),)

    return read


def _by(counts: Callable[[SinkView], Mapping[str, int]], labels: Iterable[str]) -> Callable[[SinkView], Values]:
    """One number for each label value that is known beforehand, 0 included: rates need a first sample."""
    known = tuple(labels)
    return lambda view: (((label,), counts(view).get(label, 0)) for label in known)


def _outcomes(view: SinkView) -> Values:
    stats = view.stats
    yield ("delivered",), stats.delivered
    yield ("dead_lettered",), stats.dead_lettered.total()
    yield ("skipped",), stats.skipped


def _codes(view: SinkView) -> Values:
    counts: Counter[str] = Counter()
    for place, (code, count) in enumerate(view.stats.codes.items()):
        counts[code[:MAX_CODE_LENGTH] if place < MAX_CODES else OTHER_CODES] += count
    return (((code,), count) for code, count in counts.items())


def _commits(view: SinkView) -> Values:
    yield ("ok",), view.stats.commits
    yield ("failed",), view.stats.commit_failures


def _one_hot(current: Callable[[SinkView], str], states: Iterable[str]) -> Callable[[SinkView], Values]:
    known = tuple(states)
    return lambda view: (((state,), float(state == current(view))) for state in known)


METRICS: tuple[Definition, ...] = (
    Definition(
        "connector_records_read_total", "counter", (), "Kafka records read.", _one(lambda view: view.stats.records)
    ),
    Definition(
        "connector_records_settled_before_total",
        "counter",
        (),
        "Records not sent again because the commit's metadata said that an earlier owner had settled them.",
        _one(lambda view: view.stats.settled_before),
    ),
    Definition(
        "connector_events_read_total",
        "counter",
        (),
        "Events read, counted once for each route that takes them; read + late = settled + given back + open.",
        _one(lambda view: view.stats.read),
    ),
    Definition(
        "connector_events_settled_total",
        "counter",
        ("outcome",),
        "Events settled, by outcome: delivered, dead_lettered, skipped (no route takes them, or a tombstone).",
        _outcomes,
    ),
    Definition(
        "connector_events_given_back_total",
        "counter",
        (),
        "Events that were open when their partition left; its next owner reads them again.",
        _one(lambda view: view.stats.given_back),
    ),
    Definition(
        "connector_events_late_total",
        "counter",
        (),
        "Events settled after they were given back: the vendor or the dead-letter topic may get them twice.",
        _one(lambda view: view.stats.late),
    ),
    Definition(
        "connector_dead_letters_total",
        "counter",
        ("reason",),
        "Dead letters that the brokers have, by reason.",
        _by(lambda view: view.stats.dead_lettered, Reason),
    ),
    Definition(
        "connector_events_lost_to_retention_total",
        "counter",
        (),
        "Events that Kafka deleted before they were read.",
        _one(lambda view: view.stats.lost_to_retention),
    ),
    Definition(
        "connector_requests_total",
        "counter",
        ("status",),
        "Requests answered, by class of the HTTP status; error: no status came (timeout, broken connection).",
        _by(lambda view: view.stats.requests, STATUS_CLASSES),
    ),
    Definition(
        "connector_requests_blamed_total",
        "counter",
        ("blame",),
        "Requests answered, by whose fault the answer is: nobody (accepted), event, vendor, ours.",
        _by(lambda view: view.stats.outcomes, Blame),
    ),
    Definition(
        "connector_requests_retried_total",
        "counter",
        (),
        "Requests that carried something sent before.",
        _one(lambda view: view.stats.retries),
    ),
    Definition(
        "connector_vendor_codes_total",
        "counter",
        ("code",),
        f"Answers with an error code of the vendor's own; the codes past the first {MAX_CODES} count as {OTHER_CODES}.",
        _codes,
    ),
    Definition(
        "connector_requests_in_flight", "gauge", (), "Requests without an answer yet.", _one(lambda view: view.requests)
    ),
    Definition(
        "connector_requests_in_flight_limit",
        "gauge",
        (),
        "How many requests may be in flight now; it grows again after an outage.",
        _one(lambda view: view.window),
    ),
    Definition(
        "connector_batches_total",
        "counter",
        ("closed_by",),
        "Batches sent a first time, by what closed them: count, bytes, linger.",
        _by(lambda view: view.stats.batches_closed, ClosedBy),
    ),
    Definition(
        "connector_batch_events_total", "counter", (), "Events in those batches.", _one(lambda v: v.stats.batch_events)
    ),
    Definition(
        "connector_batch_bytes_total", "counter", (), "Bytes of those batches.", _one(lambda v: v.stats.batch_bytes)
    ),
    Definition(
        "connector_retrying_batches",
        "gauge",
        (),
        "Batches that failed and wait for another try.",
        _one(lambda view: view.batches_retrying),
    ),
    Definition(
        "connector_open_events", "gauge", (), "Records read and not settled.", _one(lambda view: view.open_events)
    ),
    Definition("connector_open_bytes", "gauge", (), "Bytes of those records.", _one(lambda view: view.open_bytes)),
    Definition(
        "connector_lag_events",
        "gauge",
        (),
        "Records between the positions and the ends of this process's partitions.",
        _one(lambda view: view.lag_events),
    ),
    Definition(
        "connector_lag_seconds",
        "gauge",
        (),
        "Age of the oldest event that is read and not settled, by Kafka's timestamp; 0 if there is none.",
        _one(lambda view: view.oldest_seconds),
    ),
    Definition(
        "connector_held_seconds",
        "gauge",
        (),
        "How long ago the oldest event that is not settled was read; 0 if there is none.",
        _one(lambda view: view.held_seconds),
    ),
    Definition(
        "connector_retention_left_seconds",
        "gauge",
        (),
        "Seconds until Kafka may delete the oldest event that is read and not settled; absent where no limit is known.",
        _one(lambda view: view.retention_left),
    ),
    Definition(
        "connector_longest_key_wait_events",
        "gauge",
        (),
        "Events that wait behind the busiest key.",
        _one(lambda view: view.longest_wait),
    ),
    Definition(
        "connector_gate_state",
        "gauge",
        ("state",),
        "1 for the state the sink's gate is in, 0 for the others.",
        _one_hot(lambda view: view.state, GateState),
    ),
    Definition(
        "connector_gate_closings_total",
        "counter",
        (),
        "How often the vendor's faults closed the gate.",
        _one(lambda view: view.stats.gate_closings),
    ),
    Definition(
        "connector_waiting_for",
        "gauge",
        ("cause",),
        "1 for the main cause of the sink's waiting.",
        lambda view: (((waits(view)[0].cause,), 1.0),),
    ),
    Definition(
        "connector_commits_total", "counter", ("result",), "Commits of offsets, by result: ok, failed.", _commits
    ),
    Definition(
        "connector_rebalances_total",
        "counter",
        ("kind",),
        "Rebalances, by kind: assigned, revoked, lost.",
        _by(lambda view: view.stats.rebalances, REBALANCES),
    ),
    Definition(
        "connector_partitions", "gauge", (), "Partitions that are ours.", _one(lambda view: len(view.partitions))
    ),
    Definition(
        "connector_partitions_halted",
        "gauge",
        (),
        "Partitions not read for now because reading is too far ahead of their position.",
        _one(lambda view: sum(partition.halted for partition in view.partitions)),
    ),
    Definition(
        "connector_dead_letters_pending",
        "gauge",
        (),
        "Dead letters without a delivery report yet.",
        _one(lambda view: view.letters),
    ),
    Definition(
        "connector_dead_letter_topic_refuses",
        "gauge",
        (),
        "1 while dead letters cannot be written: their partitions wait.",
        _one(lambda view: float(bool(view.letter_trouble))),
    ),
    Definition(
        "connector_configuration_warnings",
        "gauge",
        (),
        "What the vendor says is wrong with the configuration: an event_key that does not exist, a sum without value.",
        _one(lambda view: len(view.warnings)),
    ),
    Definition(
        "connector_kafka_trouble",
        "gauge",
        (),
        "1 while the brokers or a topic cannot be read.",
        _one(lambda view: float(bool(view.kafka_trouble))),
    ),
)

DURATION = ("connector_request_duration_seconds", "histogram", "From sending a request to the end of its answer.")
BUILD_INFO = ("connector_build_info", "gauge", "1; the labels say which versions run.")
BUILD_LABELS = ("version", "python", "confluent_kafka", "librdkafka")


class SinkCollector(Collector):
    """Yields every metric of the sinks that `look` shows at the moment of asking."""

    def __init__(self, look: Callable[[], Sequence[SinkView]], version: str) -> None:
        self._look = look
        self._version = version

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not look."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Look once, and yield all families."""
        views = self._look()
        for definition in METRICS:
            kind = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
            family = kind(definition.name, definition.help, labels=("sink", *definition.labels))
            for view in views:
                for labels, value in definition.read(view):
                    family.add_metric((view.name, *labels), value)
            yield family
        yield _durations(views)
        yield self._build_info()

    def _build_info(self) -> Metric:
        info = GaugeMetricFamily(BUILD_INFO[0], BUILD_INFO[2], labels=BUILD_LABELS)
        info.add_metric(list(versions(self._version).values()), 1.0)
        return info


def versions(version: str) -> dict[str, str]:
    """What runs: the connector's own version, Python's, the Kafka client's and librdkafka's."""
    texts = version, platform.python_version(), package_version("confluent-kafka"), libversion()[0]
    return dict(zip(BUILD_LABELS, texts, strict=True))


def build_registry(look: Callable[[], Sequence[SinkView]], version: str) -> CollectorRegistry:
    """A registry of its own with the sinks' metrics and the process's (CPU, memory, file descriptors, start)."""
    registry = CollectorRegistry()
    registry.register(SinkCollector(look, version))
    ProcessCollector(registry=registry)
    return registry


def _durations(views: Sequence[SinkView]) -> Metric:
    family = HistogramMetricFamily(DURATION[0], DURATION[2], labels=("sink",))
    for view in views:
        histogram = view.stats.request_seconds
        family.add_metric((view.name,), _buckets(histogram), histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))


def table() -> str:
    """The Markdown table of all metrics, as docs/metrics.md has it."""
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
