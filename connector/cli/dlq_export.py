"""`connector dlq export`: dead letters as NDJSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from connector.cli._options import Config, filtered
from connector.cli._terminal import open_for_command, reading_progress

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters


@filtered
def export(
    config: Config,
    filters: LetterFilters,
    closed: Annotated[bool, typer.Option("--all", help="Also letters that are closed.")] = False,
    unredacted: Annotated[
        bool, typer.Option("--unredacted", help="Hide nothing, and add key, value and headers byte for byte (base64).")
    ] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Write this many letters at most.")] = None,
) -> None:
    """Write dead letters to standard output, one JSON object a line; what `redact` names is hidden.

    Example: connector dlq export --config connector.yaml --reason refused > letters.ndjson
    """
    from connector.deadletters.ordered_letters import read_in_order
    from connector.deadletters.scan import scan_letters
    from connector.service.letter_report import export_letter

    opened = open_for_command(config)
    settings = opened.settings
    paths = None if unredacted else settings.redact
    with opened.read_dead_letters() as letters:
        with reading_progress() as progress:
            index = scan_letters(opened.conf, letters, settings.receipts, filters, progress).index
        for chunk in read_in_order(letters, index, limit, closed=closed):
            for row, letter, record in chunk:
                typer.echo(orjson.dumps(export_letter(letter, letters.topic, record, index.state(row), paths)))
