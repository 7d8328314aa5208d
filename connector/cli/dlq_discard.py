"""`connector dlq discard`: closes dead letters that need not be delivered, with a reason."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from connector.cli._options import AsJson, Config, filtered
from connector.cli._terminal import open_for_command, reading_progress
from connector.operations.formatting import counted

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters


@filtered
def discard(
    config: Config,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; it is kept in the receipts.")],
    filters: LetterFilters,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Close this many letters at most.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before closing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close open dead letters without sending them. They stay in the topic; summary counts them as discarded.

    Exit status 0: all are closed; 1: they are not, or a replay is running.

    Example: connector dlq discard --config connector.yaml --type test.ping --because 'load test'
    """
    from connector.service.discard import discard_letters
    from connector.service.replay import locked_letters, select_letters

    opened = open_for_command(config)
    with locked_letters(opened, lambda text: typer.echo(text, err=True)) as (_, letters):
        with reading_progress() as progress:
            selected = select_letters(opened, letters, filters, limit, progress)
        if selected.total and not yes and sys.stdin.isatty():
            typer.confirm(f"Close {counted(selected.total, 'dead letter')} without sending?", err=True, abort=True)
        closed = discard_letters(opened, selected, because)
    typer.echo(orjson.dumps({"discarded": closed}) if as_json else f"{counted(closed, 'letter')} discarded")
