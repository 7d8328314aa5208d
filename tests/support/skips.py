"""Ends a test run by saying what was skipped and why: each reason once, with how many tests it kept from running."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    if skipped:
        terminalreporter.section("skipped, and why")
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{count:5,}  {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return what the test said; pytest keeps it as the file, the line and `Skipped: ` before the reason."""
    assert isinstance(report.longrepr, tuple)
    return report.longrepr[2].removeprefix("Skipped: ")
