"""What the fault suite shares: worlds, and the table of scenarios at the end of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # `admin` offers it without exporting it

from tests.faults.checker import Checker, Evidence
from tests.faults.producer import EventProducer
from tests.faults.world import CLASSIC, World
from tests.support.server import Broker
from tests.support.topics import TopicFactory


class Row(NamedTuple):
    """One checked scenario of the table. `seconds` are since its test began; `broken` counts the invariants."""

    scenario: str
    events: int
    kills: int
    commits: int
    letters: int
    duplicates: int
    lost: int
    broken: int
    seconds: float


WIDTH = 10  # of a column
_TABLE = pytest.StashKey[list[Row]]()

NewWorld = Callable[..., World]
Check = Callable[..., Any]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show what was checked."""
    rows = config.stash.get(_TABLE, [])
    if not rows:
        return
    terminalreporter.section("fault scenarios")
    width = max(len(row.scenario) for row in rows)
    names = [name for name in Row._fields if name != "scenario"]
    terminalreporter.write_line("  ".join(["scenario".ljust(width), *(name.rjust(WIDTH) for name in names)]))
    totals = [sum(column) for column in list(zip(*rows, strict=True))[1:-1]]  # no sum of seconds: many ran at one time
    for name, *numbers in [*rows, ("in all", *totals)]:
        shown = (f"{number:,.0f}".rjust(WIDTH) for number in numbers)
        terminalreporter.write_line("  ".join([name.ljust(width), *shown]))


# What the suite needs of the broker, in milliseconds: a member that was killed is waited for as long as its session.
_SESSIONS = {
    "group.min.session.timeout.ms": CLASSIC["session.timeout.ms"],
    "group.consumer.session.timeout.ms": 3000,  # the broker's to say, not the member's
}


@pytest.fixture(scope="session")
def long_sessions(admin: AdminClient) -> dict[str, int]:
    """The settings by which a broker that was given makes sessions longer than the suite needs."""
    brokers = admin.list_topics(timeout=10).brokers
    resource = ConfigResource(ConfigResource.Type.BROKER, str(next(iter(brokers))))
    settings = admin.describe_configs([resource])[resource].result(10)
    found = {name: int(settings[name].value) for name in _SESSIONS if name in settings}
    return {name: value for name, value in found.items() if value > _SESSIONS[name]}


@pytest.fixture(scope="session")
def event_producer(broker: Broker) -> EventProducer:
    """Of the session's broker."""
    return EventProducer(broker.bootstrap)


@pytest.fixture
def new_world(
    event_producer: EventProducer, topic_factory: TopicFactory, tmp_path: Path, long_sessions: dict[str, int]
) -> NewWorld:
    """Makes a world (see World); letters go to a topic of their own unless `letters=None`."""

    def make(**options: Any) -> World:
        new_protocol = options.get("kafka", {}).get("group.protocol") == "consumer"
        name = "group.consumer.session.timeout.ms" if new_protocol else "group.min.session.timeout.ms"
        if name in long_sessions:
            pytest.skip(
                f"the broker's {name} is {long_sessions[name]}; the fault suite needs at most {_SESSIONS[name]}"
            )
        options.setdefault("letters", {})
        return World(event_producer, topic_factory, tmp_path, **options)

    return make


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Holds a scenario's evidence against every invariant and enters it in the table."""

    began = time.monotonic()

    def check_and_enter(
        evidence: Evidence,
        *,
        duplicates_may_be: bool = False,
        told_by_metadata: bool = True,
        unheard: tuple[float, float] | None = None,
        name: str = "",
    ) -> None:
        checker = Checker(
            evidence, duplicates_may_be=duplicates_may_be, told_by_metadata=told_by_metadata, unheard=unheard
        )
        row = Row(
            request.node.name.removeprefix("test_").replace("_", " ") + (f" [{name}]" if name else ""),
            len(evidence.made),
            evidence.kills,
            len(evidence.commits),
            len(evidence.letters),
            evidence.duplicates(),
            checker.lost(),
            sum(map(bool, checker.violations().values())),
            time.monotonic() - began,
        )
        request.config.stash.setdefault(_TABLE, []).append(row)
        checker.check()

    return check_and_enter
