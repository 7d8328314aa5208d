"""The command line: one file for each command, with its options and the printing of what other rooms return."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from connector import __version__
from connector.cli import (
    check,
    demo,
    dlq_discard,
    dlq_export,
    dlq_replay,
    dlq_show,
    dlq_summary,
    example,
    preview,
    run,
    simulate,
    skip,
    test,
)
from connector.errors import ConfigError, ConnectorError

app = typer.Typer(
    help="Delivers Kafka events to myTracker and SailPlay.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

dlq = typer.Typer(
    help="Dead letters: why they failed, which events they are, and how to deliver them after all.\n\n"
    "Example: connector dlq summary --config connector.yaml",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
dlq.command("summary")(dlq_summary.summary)
dlq.command("show")(dlq_show.show)
dlq.command("replay")(dlq_replay.replay)
dlq.command("discard")(dlq_discard.discard)
dlq.command("export")(dlq_export.export)

# Every command, in the order of --help. A command's file imports at its top only what --help needs; the rest it
# imports when it runs.
app.command("run")(run.run)
app.command("check")(check.check)
app.command("preview")(preview.preview)
app.command("test")(test.run_tests)
app.add_typer(dlq, name="dlq")
app.command("skip")(skip.skip)
app.command("example")(example.example)
app.command("schema")(example.schema)
app.command("simulate")(simulate.simulate)
app.command("demo")(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"connector {__version__}")
        raise typer.Exit


@app.callback()
def _connector(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 did not succeed, 2 the configuration or the arguments are wrong."""
    try:
        app()
    except ConfigError as error:
        for mistake in error.mistakes:
            typer.echo(mistake, err=True)
        sys.exit(2)
    except ConnectorError as error:
        typer.echo(error, err=True)
        sys.exit(1)
