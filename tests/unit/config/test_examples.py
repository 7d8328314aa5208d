"""The configurations that are handed out must be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load
from connector.config.warnings import warnings, warnings_of_file

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "connector" / "config" / "example.yaml"
FOUND = sorted((ROOT / "examples" / "events-as-found").glob("*/connector.yaml"))
ALL = [EXAMPLE, *sorted((ROOT / "examples").glob("*.yaml")), *FOUND]


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_has_no_mistake_and_lacks_nothing_but_its_secrets(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAILPLAY_TOKEN", raising=False)
    settings = load(path)
    for warning in [*warnings(settings), *warnings_of_file(settings, path)]:
        assert ".token" in warning.path


def test_the_example_is_accepted_wherever_it_is_saved(tmp_path: Path) -> None:
    """Its schema came with the connector."""
    path = tmp_path / "connector.yaml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    schema = load(path).topics["accounts.users"].schema
    assert schema is not None
    assert schema.is_file()


def test_the_example_says_what_it_says() -> None:
    settings = load(EXAMPLE)
    assert [route.name for route in settings.routes] == [
        "registrations",
        "mytracker.customEvent",
        "mytracker.customRevenue",
        "sailplay.fire",
    ]
    assert settings.routes[1].fields["customEventParams"] == {"level": "data.level", "zone": "data.zone"}
    assert settings.sinks["sailplay"].rate == 40.0
