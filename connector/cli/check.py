"""`connector check`: every mistake of a configuration at once; with `--live` the answers of brokers and vendors too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.cli._options import AsJson, Config
from connector.errors import ConfigError, Mistake
from connector.operations.formatting import counted
from connector.service.preflight.findings import Finding, Severity

if TYPE_CHECKING:
    from connector.settings.values import Settings

Live = Annotated[
    bool,
    typer.Option("--live", help="Also ask the brokers, topics and vendors, for at most 30 s. Changes nothing there."),
]

_MARKS = {Severity.OK: ("✓", "green"), Severity.WARN: ("!", "yellow"), Severity.FAIL: ("✗", "bold red")}


def check(config: Config, live: Live = False, as_json: AsJson = False) -> None:
    """Say what is wrong in a configuration file, all of it at once, and what would be right.

    Exit status 0: it can be run (what is missing here, such as a secret, is a warning); 1: with --live, something out
    there fails; 2: the file is wrong.

    Example: connector check --config connector.yaml --live
    """
    from connector.config.load import load
    from connector.config.warnings import refusals, warnings

    settings: Settings | None = None
    mistakes: Sequence[Mistake] = ()
    found: Sequence[Mistake] = ()
    try:
        settings = load(config)
        mistakes, found = refusals(settings), warnings(settings)
    except ConfigError as error:
        mistakes = error.mistakes
    if not as_json:
        _print_result(settings, mistakes, found)
    findings = _ask(settings) if live and settings is not None else None
    failed = findings is not None and any(finding.severity == "failed" for finding in findings)
    if as_json:
        typer.echo(_json(mistakes, found, findings, ok=not mistakes and not failed))
    elif findings is not None:
        print_findings(findings)
    if mistakes:
        raise typer.Exit(2)
    if failed:
        raise typer.Exit(1)


def _ask(settings: Settings) -> list[Finding]:
    import asyncio

    from connector.clock import SystemClock
    from connector.service.preflight.check import check_live

    with Console(stderr=True).status("Asking the brokers and vendors …"):
        return asyncio.run(check_live(settings, SystemClock()))


def _json(
    mistakes: Sequence[Mistake], warnings: Sequence[Mistake], findings: Sequence[Finding] | None, *, ok: bool
) -> str:
    live = {} if findings is None else {"live": [finding.as_json() for finding in findings]}
    return json.dumps(
        {
            "ok": ok,
            "mistakes": [{"path": mistake.path, "message": mistake.message} for mistake in mistakes],
            "warnings": [{"path": warning.path, "message": warning.message} for warning in warnings],
            **live,
        },
        indent=2,
        ensure_ascii=False,
    )


def _print_result(settings: Settings | None, mistakes: Sequence[Mistake], warnings: Sequence[Mistake]) -> None:
    for mistake in mistakes:
        typer.echo(mistake)
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    if settings is None:
        typer.echo(counted(len(mistakes), "mistake"))
        return
    typer.echo(summary(settings))
    typer.echo(
        f"{counted(len(mistakes), 'mistake') if mistakes else 'no mistakes'}, {counted(len(warnings), 'warning')}"
    )


def summary(settings: Settings) -> str:
    """Return the configuration on one screen: what is read, where it goes and as what."""
    lines = [f"group {settings.group}, dead letters in {settings.dead_letters}", "sinks:"]
    lines += [
        f"  {name} ({sink.kind}, {sink.base_url}), consuming as {settings.group}.{name}"
        for name, sink in settings.sinks.items()
    ]
    lines.append("topics:")
    lines += [
        f"  {topic.name}" + (f", checked by {topic.schema.name}" if topic.schema else "")
        for topic in settings.topics.values()
    ]
    lines.append("routes:")
    for route in settings.routes:
        condition = f" when {route.when}" if route.when else ""
        lines.append(f"  {route.name}: {', '.join(route.topics)}{condition} → {route.sink}.{route.method}")
    return "\n".join(lines)


def print_findings(findings: Sequence[Finding], console: Console | None = None) -> None:
    """Print a table of the findings, one block for each section, and how many fail or warn."""
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
        table.add_row(*_finding_row(finding))
    console.print(table)
    console.print(_findings_total(findings))


def _finding_row(finding: Finding) -> tuple[Text, Text, Text]:
    mark, style = _MARKS[finding.severity]
    says = Text(finding.says)
    if finding.todo:
        says.append(f"\n→ {finding.todo}", style=style)
    return Text(mark, style=style), Text(finding.subject), says


def _findings_total(findings: Sequence[Finding]) -> Text:
    counts = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    worst = next((severity for severity in (Severity.FAIL, Severity.WARN) if counts[severity]), Severity.OK)
    parts = [f"{counts[severity]} {_MARKS[severity][0]}" for severity in Severity]
    return Text("\n" + "   ".join(parts), style=_MARKS[worst][1])
