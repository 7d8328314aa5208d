"""A vendor's package beside the connector: installed, it is a kind like any other; the product knows nothing of it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from connector.simulators.kafka import MockKafka
from tests.support.connector import RunningConnector, until

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "examples" / "third-vendor"
CONFIG = PACKAGE / "connector.yaml"
ORDER = {
    "type": "order.paid",
    "occurred_at": "2026-03-01T09:00:00Z",
    "user": {"id": "user-1"},
    "order": {"total": 9.5, "currency": "RUB"},
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip installs it, in a directory of its own."""
    site = tmp_path_factory.mktemp("site")
    uv = Path(sys.executable).with_name("uv")
    where = ["--offline", "--no-deps", "--no-build-isolation", "--python", sys.executable, "--target", str(site)]
    subprocess.run([uv, "pip", "install", "--quiet", *where, str(PACKAGE)], check=True, timeout=60)
    return site


@pytest.fixture
def beside(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes started now have the package beside the connector."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.setenv("BEACON_TOKEN", "demo-token")


def connector(*arguments: str, event: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "connector", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=event, timeout=60, check=False)


def test_its_own_tests_pass(beside: None) -> None:
    options = [
        "--quiet",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
        "-p",
        "no:cacheprovider",
    ]
    command = [sys.executable, "-m", "pytest", *options, str(PACKAGE / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=110, check=False)
    assert done.returncode == 0, done.stdout


def test_without_the_package_the_kind_is_a_mistake() -> None:
    done = connector("check", "--config", str(CONFIG))
    assert done.returncode == 2
    said = "sinks.beacon: a sink is a mapping with kind: mytracker or kind: sailplay [unknown-kind]\n"
    assert said in done.stdout + done.stderr


def test_with_it_check_knows_its_form_its_methods_and_its_limits(beside: None, tmp_path: Path) -> None:
    assert connector("check", "--config", str(CONFIG)).returncode == 0
    tree = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    tree["sinks"]["beacon"] |= {"batch": {"max_events": 51}, "token": "literal"}
    tree["routes"][0]["fields"] = {"usr": "user.id", "name": {"a": "type"}, "at": "unix(occurred_at)"}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(tree), encoding="utf-8")
    done = connector("check", "--config", str(wrong))
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert "sinks.beacon.batch.max_events: must be at most 50, not 51" in said
    assert "sinks.beacon.token: a secret is either {file: PATH} or {env: NAME}, never a literal" in said
    assert "routes[0].fields.usr: beacon.track has no such field; did you mean user?" in said
    assert "routes[0].fields.name: takes one value: write one expression, not a mapping of several" in said


def test_preview_shows_what_would_be_sent(beside: None) -> None:
    done = connector("preview", "--config", str(CONFIG), "--event", "-", event=json.dumps(ORDER))
    assert "beacon.track: would be sent, 92 bytes of at most 64,000" in done.stdout, done.stderr
    assert '"at": 1772355600 (2026-03-01 09:00:00 UTC),' in done.stdout
    done = connector("preview", "--config", str(CONFIG), "--event", "-", "--json", event=json.dumps(ORDER))
    assert json.loads(done.stdout)["routes"][0]["body"]["tags"] == {"currency": "RUB"}


@pytest.fixture
async def beacon(beside: None) -> AsyncIterator[str]:
    """The address of Beacon's simulator."""
    command = (sys.executable, "-m", "beacon.simulator", "0")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    yield (await process.stdout.readline()).decode().split()[1]
    process.terminate()
    await process.wait()


async def test_the_service_delivers_to_it_and_dead_letters_what_it_refuses(beacon: str, tmp_path: Path) -> None:
    with MockKafka() as kafka:
        for topic in ("shop.orders", "crm.dead-letters"):
            kafka.create_topic(topic, 1)
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        for number in range(60):
            producer.produce("shop.orders", json.dumps(ORDER | {"user": {"id": f"user-{number}"}}))
        producer.produce("shop.orders", json.dumps(ORDER | {"user": {"id": "x" * 129}}))
        assert producer.flush(10) == 0
        settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
        settings |= {"kafka": {"bootstrap.servers": kafka.bootstrap}, "http": {"port": 0}}
        settings["sinks"]["beacon"]["base_url"] = beacon
        async with RunningConnector(tmp_path, settings) as service:

            async def settled() -> bool:
                counts = (await service.sink("beacon")).get("counts", {})
                return (counts.get("delivered"), counts.get("dead_lettered")) == (60, {"unmappable": 1})

            await until(settled, seconds=30, what="60 delivered and one dead letter")
            assert await service.stop() == 0
    summary = await asyncio.to_thread(ledger, beacon)
    assert (summary["events"], summary["duplicates"]) == (60, 0)
    assert 1 < summary["max_items"] <= 50


def ledger(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/_ledger?summary=1", timeout=5) as answer:  # noqa: S310 - the simulator's
        return json.load(answer)["summary"]


def test_what_the_tutorial_quotes_stands_in_the_package() -> None:
    tutorial = (ROOT / "docs" / "tutorial-third-vendor.md").read_text(encoding="utf-8")
    files = [*(PACKAGE / "beacon").glob("*.py"), PACKAGE / "pyproject.toml"]
    texts = [file.read_text(encoding="utf-8") for file in files]
    quoted = re.findall(r"```(?:python|toml)\n(.*?)```", tutorial, re.DOTALL)
    assert len(quoted) > 5
    for quote in quoted:
        assert any(quote in text for text in texts), quote
