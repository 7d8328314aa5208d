"""What the fault suite shares: worlds, and the table of scenarios at the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # `admin` offers it without exporting it

from tests.faults.checker import Checker, Evidence
from tests.faults.world import CLASSIC, World
from tests.support.server import Broker
from tests.support.topics import TopicFactory


class Row(NamedTuple):
    """One checked scenario of the table."""

    scenario: str
    events: int
    kills: int
    commits: int
    letters: int
    duplicates: int


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
    line = f"{{:<{width}}}  {{:>8}}  {{:>5}}  {{:>7}}  {{:>7}}  {{:>10}}  {{:>4}}"
    terminalreporter.write_line(line.format("scenario", "events", "kills", "commits", "letters", "duplicates", "lost"))
    for row in rows:
        terminalreporter.write_line(line.format(*row, 0))


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


@pytest.fixture
def new_world(broker: Broker, topic_factory: TopicFactory, tmp_path: Path, long_sessions: dict[str, int]) -> NewWorld:
    """Makes a world (see World); letters go to a topic of their own unless `letters=None`."""

    def make(**options: Any) -> World:
        new_protocol = options.get("kafka", {}).get("group.protocol") == "consumer"
        name = "group.consumer.session.timeout.ms" if new_protocol else "group.min.session.timeout.ms"
        if name in long_sessions:
            pytest.skip(
                f"the broker's {name} is {long_sessions[name]}; the fault suite needs at most {_SESSIONS[name]}"
            )
        options.setdefault("letters", {})
        return World(broker.bootstrap, topic_factory, tmp_path, **options)

    return make


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Holds a scenario's evidence against every invariant and enters it in the table."""

    def check_and_enter(
        evidence: Evidence,
        *,
        duplicates_may_be: bool = False,
        told_by_metadata: bool = True,
        unheard: tuple[float, float] | None = None,
        name: str = "",
    ) -> None:
        Checker(
            evidence, duplicates_may_be=duplicates_may_be, told_by_metadata=told_by_metadata, unheard=unheard
        ).check()
        scenario = request.node.name.removeprefix("test_").replace("_", " ") + (f" [{name}]" if name else "")
        row = Row(
            scenario,
            len(evidence.made),
            evidence.kills,
            len(evidence.commits),
            len(evidence.letters),
            evidence.duplicates(),
        )
        request.config.stash.setdefault(_TABLE, []).append(row)

    return check_and_enter
