"""`connector dlq`: what people do with dead letters, a file a command."""

from __future__ import annotations

import typer

from connector.cli import dlq_discard, dlq_export, dlq_replay, dlq_show, dlq_summary

app = typer.Typer(
    help="Dead letters: why they failed, whose they are, and how to deliver them after all.\n\n"
    "Example: connector dlq summary --config connector.yaml",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

app.command("summary")(dlq_summary.summary)
app.command("show")(dlq_show.show)
app.command("replay")(dlq_replay.replay)
app.command("discard")(dlq_discard.discard)
app.command("export")(dlq_export.export)
