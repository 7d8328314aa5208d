"""What a live check found, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.service.preflight.findings import Finding, Severity

_MARKS = {Severity.OK: ("✓", "green"), Severity.WARN: ("!", "yellow"), Severity.FAIL: ("✗", "bold red")}


def show(findings: Sequence[Finding], console: Console | None = None) -> None:
    """Print the table, a block a section, and how many fail or warn."""
    console = console or Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, expand=False)
    table.add_column(width=1)
    table.add_column(max_width=34, overflow="fold")
    table.add_column(overflow="fold")
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            table.add_row("", "", "")
            table.add_row("", Text(section, style="bold"), "")
        table.add_row(*_row(finding))
    console.print(table)
    console.print(_total(findings))


def _row(finding: Finding) -> tuple[Text, Text, Text]:
    sign, style = _MARKS[finding.severity]
    says = Text(finding.says)
    if finding.todo:
        says.append(f"\n→ {finding.todo}", style=style)
    return Text(sign, style=style), Text(finding.subject), says


def _total(findings: Sequence[Finding]) -> Text:
    counts = {mark: sum(finding.severity is mark for finding in findings) for mark in Severity}
    style = _MARKS[next((mark for mark in (Severity.FAIL, Severity.WARN) if counts[mark]), Severity.OK)][1]
    parts = [f"{counts[mark]} {_MARKS[mark][0]}" for mark in Severity]
    return Text("\n" + "   ".join(parts), style=style)
