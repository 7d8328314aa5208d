"""The table of a live check."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from connector.cli.check import print_findings
from connector.service.preflight.findings import Finding, Severity

FINDINGS = (
    Finding("kafka", "brokers", Severity.OK, "3 reachable"),
    Finding(
        "topics", "shop.orders", Severity.FAIL, "does not exist", "create it, or correct its name in the configuration"
    ),
    Finding("topics", "^shop[.].*", Severity.WARN, "matches no topic that we may see [bold]", "look at the pattern"),
)


def shown(width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_findings(FINDINGS, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_finding_has_its_mark_and_what_to_do_below_it() -> None:
    lines = [line.strip() for line in shown(100).splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("✗  shop.orders"))
    assert lines[at].endswith("does not exist")
    assert lines[at + 1] == "→ create it, or correct its name in the configuration"
    assert lines[-1] == "1 ✓   1 !   1 ✗"


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    assert "[bold]" in shown(100)


@pytest.mark.parametrize("width", [60, 100, 160])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int) -> None:
    text = shown(width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text


def test_programs_find_the_severity_as_mark() -> None:
    finding = Finding("topics", "shop.orders", Severity.WARN, "is empty", "wait", {"partitions": 2})
    assert json.loads(json.dumps(finding.as_json())) == {
        "section": "topics",
        "subject": "shop.orders",
        "mark": "warning",
        "says": "is empty",
        "todo": "wait",
        "data": {"partitions": 2},
    }
