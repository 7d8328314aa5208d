"""`connector dlq export`: dead letters as NDJSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from connector.cli._options import Config
from connector.cli.dlq_options import filtered, open_config, reading_progress

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters


@filtered
def export(
    config: Config,
    selection: LetterFilters,
    closed: Annotated[bool, typer.Option("--all", help="Also letters that are closed.")] = False,
    unredacted: Annotated[
        bool, typer.Option("--unredacted", help="Hide nothing, and add key, value and headers byte for byte (base64).")
    ] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Write this many letters at most.")] = None,
) -> None:
    """Write dead letters to standard output, one JSON object a line; what `redact` names is hidden.

    Example: connector dlq export --config connector.yaml --reason refused > letters.ndjson
    """
    from connector.cli.dlq_letter import event_of, facts, raw
    from connector.deadletters.ordered_letters import read_in_order
    from connector.deadletters.scan import read_receipts, scan_letters
    from connector.kafka.topic_reader import TopicReader
    from connector.redaction.payloads import Redactor

    context = open_config(config)
    settings = context.settings
    paths = () if unredacted else settings.redact
    with TopicReader(context.conf, settings.dead_letters) as letters:
        with reading_progress() as progress:
            receipts = read_receipts(context.conf, settings.receipts, progress)
            index = scan_letters(letters, receipts, selection, progress).index
        for chunk in read_in_order(letters, index, limit, closed=closed):
            for selected in chunk:
                veil = Redactor(event_of(selected.record), paths)
                line = facts(selected.letter, letters.topic, selected.record, veil)
                line |= {"state": index.state(selected.row).word, "value": veil.event()}
                typer.echo(orjson.dumps(line | (raw(selected.record) if unredacted else {})))
