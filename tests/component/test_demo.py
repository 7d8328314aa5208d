"""The demo, shortened: it holds where everything is in order, and ends with 1 where one thing is not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.delivery.offsets import PartitionOffsets
from connector.kafka.dead_letter import ProducedLetter
from connector.kafka.dead_letter_producer import DeadLetterProducer, Report
from connector.simulators.demo import stage
from connector.simulators.ledger import Ledger

pytestmark = pytest.mark.usefixtures("logging_restored")

SHORT = stage.DemoPlan(events=1000, seconds=1.0, outage=0.4, deadline=30.0)


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the demo puts its files; a short demo takes the long one's place."""
    monkeypatch.setattr(stage, "DemoPlan", lambda: SHORT)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def demo() -> Result:
    return CliRunner().invoke(app, ["demo"])


def test_it_holds_and_leaves_nothing_behind(directory: Path) -> None:
    result = demo()
    assert result.exit_code == 0, result.output
    assert result.stdout.count("✓") == 8
    assert "✗" not in result.stdout
    assert "read                        1,000" in result.stdout
    for kind in ("oversize", "refused", "schema", "undecodable", "unmappable", "tombstone", "no route takes it"):
        assert re.search(rf"{kind} +[1-9]", result.stdout), kind
    assert "myTracker answers 503" in result.stdout
    assert "SailPlay answers 429" in result.stdout
    assert "10,000 bytes" in result.stdout
    assert "Everything holds" in result.stdout
    assert list(directory.iterdir()) == []


def test_as_json_standard_output_is_the_reconciliation_alone() -> None:
    result = CliRunner().invoke(app, ["demo", "--json"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["holds"], shown["trouble"], list(shown["sinks"])) == (True, "", ["mytracker", "sailplay"])
    for sink in shown["sinks"].values():
        assert sink["read"] == sink["delivered"] + sum(sink["dead_lettered"].values()) + sink["skipped"] > 0
        assert [finding["mistakes"] for finding in sink["findings"]] == [[], [], [], []]
    assert "myTracker answers 503" in result.stderr


def test_an_event_that_the_ledger_lacks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor says yes and enters nothing, once."""
    accept = Ledger.record_accepted
    lost: list[str] = []

    def forget_one(ledger: Ledger, method: str, *arguments: Any, **named: Any) -> None:
        if method == "loginBatch" and not lost:
            lost.append(method)
        else:
            accept(ledger, method, *arguments, **named)

    monkeypatch.setattr(Ledger, "record_accepted", forget_one)
    result = demo()
    assert result.exit_code == 1
    assert "not delivered accounts.users/" in result.stdout
    assert "Everything holds" not in result.stdout


def test_a_letter_that_was_never_written_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The producer reports a letter as written that it has thrown away, once."""
    write = DeadLetterProducer.write
    lost: list[ProducedLetter] = []

    def drop_one(producer: DeadLetterProducer, letter: ProducedLetter, report: Report) -> None:
        if lost:
            write(producer, letter, report)
        else:
            lost.append(letter)
            asyncio.get_running_loop().call_soon(report, None)

    monkeypatch.setattr(DeadLetterProducer, "write", drop_one)
    result = demo()
    assert result.exit_code == 1
    assert "no letter for " in result.stdout


def test_what_cannot_be_settled_ends_the_demo_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """One partition's position stays where it is, so that its last events are never committed."""
    monkeypatch.setattr(stage, "DemoPlan", lambda: SHORT._replace(deadline=6.0))
    position = PartitionOffsets.position

    def stuck(offsets: PartitionOffsets) -> int | None:
        return 0 if (offsets.topic, offsets.partition) == ("game.events", 0) else position.__get__(offsets)

    monkeypatch.setattr(PartitionOffsets, "position", property(stuck))
    result = demo()
    assert result.exit_code == 1
    assert "✗ not everything was settled within 6 s" in result.stdout
    assert "game.events/0: " in result.stdout


def test_secrets_reach_the_connector_by_files_and_its_configuration_is_one(tmp_path: Path) -> None:
    kafka: Any = _Named(bootstrap="127.0.0.1:1")
    vendor: Any = _Named(url="http://127.0.0.1:2")
    path = stage.write_configuration(tmp_path, kafka, vendor, vendor)
    assert stage.TOKEN not in path.read_text(encoding="utf-8")
    assert (tmp_path / "secrets" / "mytracker-token").read_text(encoding="utf-8").strip() == stage.TOKEN
    result = CliRunner().invoke(app, ["check", "--config", str(path)])
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "no mistakes, 0 warnings")


class _Named:
    """Something that has only these attributes."""

    def __init__(self, **attributes: Mapping[str, Any] | str) -> None:
        self.__dict__.update(attributes)
