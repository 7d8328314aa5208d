"""The metrics, as Prometheus gets them and as the documentation lists them."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from connector.delivery.gate import SinkState
from connector.delivery.stats import MAX_CODE_LENGTH, MAX_CODES
from connector.model import Outcome, OutcomeKind
from connector.operations.metrics import METRICS, build_registry, markdown_table
from connector.operations.snapshot import snapshot
from tests.unit.operations.bench import Bench

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


def registry(*benches: Bench) -> CollectorRegistry:
    return build_registry(lambda: [snapshot(bench, bench.clock, {"orders": 60.0}) for bench in benches], "1.2.3")


def sample(bench: Bench, name: str, **labels: str) -> float | None:
    return registry(bench).get_sample_value(name, {"sink": "mytracker", **labels})


async def test_events_are_counted_by_outcome_and_reason(bench: Bench) -> None:
    bench.assign(0)
    bench.turn(b"{}", b"{}", b"bad", b"skip")
    bench.clock.seconds += 1.0
    bench.turn()
    await bench.settle()
    assert sample(bench, "connector_records_read_total") == 4
    assert sample(bench, "connector_events_read_total") == 4
    outcomes = {"delivered": 2, "dead_lettered": 1, "skipped": 1}
    for outcome, count in outcomes.items():
        assert sample(bench, "connector_events_settled_total", outcome=outcome) == count
    assert sample(bench, "connector_dead_letters_total", reason="unmappable") == 1
    assert sample(bench, "connector_dead_letters_total", reason="refused") == 0


async def test_events_and_nulls_are_counted_by_route_and_field_from_nought(bench: Bench) -> None:
    level = {"route": "paid", "field": "customEventParams.level"}
    assert sample(bench, "connector_route_events_total", route="paid") == 0
    assert sample(bench, "connector_fields_null_total", **level) == 0
    bench.counts.tally[:] = [7, 0, 5]
    assert sample(bench, "connector_route_events_total", route="paid") == 7
    assert sample(bench, "connector_fields_null_total", **level) == 5
    assert sample(bench, "connector_fields_null_total", route="paid", field="customUserId") == 0


async def test_requests_are_counted_by_status_and_timed(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = Outcome(OutcomeKind.UNAVAILABLE, None, "timed out", effect_unknown=True)
    bench.turn(b"{}")
    bench.clock.seconds += 1.0
    bench.turn()
    await bench.settle()
    assert sample(bench, "connector_requests_total", status="error") == 1
    assert sample(bench, "connector_requests_blamed_total", blame="vendor") == 1
    assert sample(bench, "connector_request_duration_seconds_count") == 1
    assert sample(bench, "connector_request_duration_seconds_bucket", le="+Inf") == 1
    assert sample(bench, "connector_request_duration_seconds_bucket", le="0.005") == 1
    assert sample(bench, "connector_batches_total", closed_by="linger") == 1
    assert sample(bench, "connector_batch_events_total") == 1


async def test_the_gate_is_in_one_state(bench: Bench) -> None:
    bench.assign(0)
    bench.pipeline.dispatcher.gate.set_missing_secret("a token is missing")
    states = {state: sample(bench, "connector_gate_state", state=state) for state in SinkState}
    assert {state for state, value in states.items() if value} == {SinkState.SECRET_MISSING}
    assert sample(bench, "connector_waiting_for", cause="held") == 1


async def test_what_is_not_known_is_left_out(bench: Bench) -> None:
    bench.assign(0)
    assert sample(bench, "connector_lag_events") is None
    assert sample(bench, "connector_retention_left_seconds") is None
    bench.pipeline.on_watermarks({("orders", 0): 40})
    bench.turn(b"{}")
    assert sample(bench, "connector_lag_events") == 40
    assert sample(bench, "connector_retention_left_seconds") == 60


async def test_a_vendor_that_invents_codes_does_not_invent_labels_without_end(bench: Bench) -> None:
    codes = bench.pipeline.stats.codes
    for number in range(500):
        codes[f"{number}" + "x" * 100] += 1
    codes["0" + "x" * 100] += 1
    found = [
        each.labels["code"]
        for family in registry(bench).collect()
        for each in family.samples
        if each.name == "connector_vendor_codes_total"
    ]
    assert len(found) == MAX_CODES + 1
    assert max(map(len, found)) <= MAX_CODE_LENGTH
    assert len(codes) == MAX_CODES + 1, "nor do they fill the memory"
    assert sample(bench, "connector_vendor_codes_total", code="other") == 500 - MAX_CODES
    assert sample(bench, "connector_vendor_codes_total", code="0" + "x" * 31) == 2, "a code that came early counts on"


async def test_every_sink_is_a_label_value_and_every_family_comes_once(bench: Bench) -> None:
    families = [family.name for family in registry(bench).collect()]
    assert len(families) == len(set(families))
    assert sample(bench, "connector_partitions") == 0


async def test_versions_and_the_process_are_among_them(bench: Bench) -> None:
    built = registry(bench)
    (info,) = (family for family in built.collect() if family.name == "connector_build_info")
    assert info.samples[0].labels["version"] == "1.2.3"
    assert built.get_sample_value("process_open_fds") is not None


def test_names_follow_the_conventions() -> None:
    for each in METRICS:
        assert re.fullmatch(r"connector_[a-z_]+", each.name)
        assert each.help.endswith("."), each.name
    assert len({each.name for each in METRICS}) == len(METRICS)


def test_the_documentation_lists_exactly_these() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    listed = "".join(line + "\n" for line in document.splitlines() if line.startswith("|"))
    assert listed == markdown_table(), (
        "docs/metrics.md: replace its table by what connector.operations.metrics.table() returns"
    )
