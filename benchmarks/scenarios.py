"""The tables of scenarios: the connector at its limits beside the plain consumer, and beside what others would pick."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.events import Load
from benchmarks.laboratory import Scenario


def main_table(events: int) -> Sequence[Scenario]:
    """The scenarios, each with so many events; those whose work is dear have fewer."""
    plain = Load(events)
    return (
        Scenario("baseline, 0 ms", Load(events // 2), "baseline"),
        Scenario("connector, 0 ms", plain, idle=True),
        Scenario("connector, TLS", plain, tls=True),
        Scenario("baseline, 50 ms, 32 in flight", Load(events // 8), "baseline", latency=0.05),
        Scenario("connector, 50 ms, 32 in flight", Load(events // 2), latency=0.05),
        Scenario("connector, 50 ms, 64 in flight", plain, latency=0.05, in_flight=64),
        Scenario("connector, 1 % refused", Load(events // 2, bad_every=100)),
        Scenario("connector, events of 1 KB", Load(events // 2, size=1_024)),
        Scenario("connector, items of 440 bytes", Load(events // 2, size=512, wide=True)),
        Scenario("connector, dlq replay", Load(events // 10), "replay"),
        Scenario("connector, SailPlay", Load(events // 10), vendor="sailplay"),
    )


def peers_table(events: int) -> Sequence[Scenario]:
    """Return the scenarios of the alternatives beside the connector. The plain consumer ends at its first bad event."""
    plain, half, bad = Load(events), Load(events // 2), Load(events // 2, bad_every=1_000)
    long = Load(events * 4)  # so that two processes share the work from early on
    return (
        Scenario("baseline, 0 ms", half, "baseline"),
        Scenario("connector, 0 ms", long),
        Scenario("connector, 0 ms, 2 processes", long, processes=2),
        Scenario("Bento, 0 ms", long, "bento"),
        Scenario("connector, 50 ms, 32 in flight", half, latency=0.05),
        Scenario("Bento, 50 ms, 32 in flight", half, "bento", latency=0.05),
        Scenario("connector, 50 ms, 64 in flight", plain, latency=0.05, in_flight=64),
        Scenario("Bento, 50 ms, 64 in flight", plain, "bento", latency=0.05, in_flight=64),
        Scenario("connector, 0.1 % refused", bad),
        Scenario("Bento, 0.1 % refused", bad, "bento"),
        Scenario("Bento singly, 0.1 % refused", bad, "bento singly"),
        Scenario("Bento singly, 0 ms", long, "bento singly"),
    )
