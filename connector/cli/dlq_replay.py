"""`connector dlq replay`: sends dead letters again, straight to the sink that failed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli._options import AsJson, Config, filtered
from connector.cli._terminal import open_for_command, reading_progress
from connector.operations.formatting import counted

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters


@filtered
def replay(
    config: Config,
    filters: LetterFilters,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Take this many letters at most: a canary.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="N/s", help="Requests a second, for each sink; a fifth of its rate unless given."),
    ] = None,
    max_failures: Annotated[
        str, typer.Option(metavar="SHARE", help="Stop when more than this share is refused again.")
    ] = "50%",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send open dead letters again: the original bytes, by today's routes, to the sink that failed.

    Runs beside the live service. A letter is sent once however often this is run: what was accepted is closed by a
    receipt. What is refused again becomes a new letter; what still cannot be mapped is left as it is. A
    configuration made for this run may be given, with routes (of the same names) that read an old shape of event.

    Exit status 0: every letter taken was accepted (or there was none); 1: some were not, or another replay is running.

    Example: connector dlq replay --config connector.yaml --reason unmappable --limit 20
    """
    from connector.cli.dlq_report import print_forecast, print_result, watching
    from connector.service.replay import forecast_replay, locked_letters, run_replay, select_letters
    from connector.settings import units

    requests_a_second = None if rate is None else _parse("--rate", units.rate, rate)
    share = _parse("--max-failures", units.share, max_failures)
    opened = open_for_command(config)
    if dry_run:
        with reading_progress() as progress:
            forecasts = forecast_replay(opened, filters, limit, requests_a_second, progress)
        print_forecast(forecasts, as_json=as_json)
        return
    with locked_letters(opened, lambda text: typer.echo(text, err=True)) as (lock, letters):
        with reading_progress() as progress:
            selected = select_letters(opened, letters, filters, limit, progress)
        if not _agreed(selected.total, selected.sinks, ask=not yes):
            raise typer.Exit(1)
        result = run_replay(
            opened, lock, selected, rate=requests_a_second, max_failures=share, watch=watching(selected.total)
        )
    print_result(result, as_json=as_json)
    raise typer.Exit(0 if result.succeeded else 1)


def _parse(option: str, parse: Callable[[str], float], text: str) -> float:
    from connector.errors import ConfigError, Mistake

    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError([Mistake(option, str(error))]) from None


def _agreed(total: int, sinks: Sequence[str], *, ask: bool) -> bool:
    """True if the letters shall be sent. Asks on a terminal alone; else, and for none, says how many there are."""
    where = f" to {', '.join(sinks)}" if sinks else ""
    if total and ask and sys.stdin.isatty() and sys.stderr.isatty():
        return typer.confirm(f"Send {counted(total, 'dead letter')} again{where}?", err=True)
    typer.echo(f"{counted(total, 'open dead letter')} to send again{where}", err=True)
    return True
