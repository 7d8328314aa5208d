"""`connector dlq summary`: dead letters by cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli._options import AsJson, Config
from connector.cli.dlq_options import (
    Context,
    clock_time,
    filtered,
    open_config,
    reading_progress,
    replay_command,
)
from connector.operations.formatting import counted

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters
    from connector.deadletters.scan import Scan
    from connector.deadletters.summary import Group

# What a letter means whose vendor said nothing.
_UNSAID = {"ambiguous": "the answer was lost: it may have taken effect, and sending it again may double it"}

# What stands in the place of a replay's command.
_LATER = "the reason is of a later version of the connector: replay them with that one"


@filtered
def summary(
    config: Config,
    selection: LetterFilters,
    closed: Annotated[bool, typer.Option("--all", help="Also the groups of which no letter is open any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say why events became dead letters: grouped by sink, method, reason, message, event type and topic.

    Each group comes with the command that replays it and nothing else.

    Example: connector dlq summary --config connector.yaml --since 2h
    """
    from connector.deadletters.scan import read_receipts, scan_letters
    from connector.deadletters.summary import Groups
    from connector.kafka.topic_reader import TopicReader

    context = open_config(config)
    settings = context.settings
    groups = Groups()
    began = time.monotonic()
    with reading_progress() as progress, TopicReader(context.conf, settings.dead_letters) as letters:
        receipts = read_receipts(context.conf, settings.receipts, progress)
        stock = scan_letters(letters, receipts, selection, progress, groups.number)
        records = letters.records
    seconds = time.monotonic() - began
    found = groups.counted(stock.index)
    shown = [group for group in found if closed or group.open]
    if as_json:
        typer.echo(orjson.dumps(_as_json(context, found, shown, stock, records, seconds), option=orjson.OPT_INDENT_2))
    else:
        _say(context, found, shown, stock, f"{counted(records, 'record')} read in {seconds:.1f} s")


def _say(context: Context, found: list[Group], shown: list[Group], stock: Scan, reading: str) -> None:
    style = typer.style
    opened, replayed, discarded = _totals(found)
    total = f"{counted(opened, 'letter')} open, {replayed:,} replayed, {discarded:,} discarded"
    typer.echo(f"{context.settings.dead_letters}: {style(total, bold=True)} ({reading})")
    if stock.foreign:
        typer.echo(f"{counted(stock.foreign, 'record')} of the topic are no letters of the connector")
    for number, group in enumerate(shown, 1):
        cause = group.cause
        typer.echo(
            f"\n{number}. {style(f'{group.open:,} open', bold=True, fg='red' if group.open else None)}  "
            f"{cause.target}  {style(cause.reason, bold=True)}  type {cause.type}  from {cause.topic}"
        )
        typer.echo(f"   {group.message or _UNSAID.get(cause.reason, '(no message)')}")
        counts = {"replayed": group.replayed, "discarded": group.discarded}
        closed = "".join(f", {count:,} {word}" for word, count in counts.items() if count)
        typer.echo(f"   {_seen(group)}{closed}, for example {_example(context, group)}")
        if group.skipped:
            typer.echo("   skipped by an operator: a replay leaves them as they are; dlq discard closes them")
        elif group.open:
            command = replay_command(context, cause)
            typer.echo(f"   {style(command, fg='cyan') if command else _LATER}")
    hidden = len(found) - len(shown)
    if hidden:
        typer.echo(f"\n{counted(hidden, 'more group')} with no open letter: --all shows them")


def _seen(group: Group) -> str:
    first, last = clock_time(group.first_seen), clock_time(group.last_seen)
    return f"at {first}" if first == last else f"first {first}, last {last}"


def _totals(groups: list[Group]) -> tuple[int, int, int]:
    return (
        sum(group.open for group in groups),
        sum(group.replayed for group in groups),
        sum(group.discarded for group in groups),
    )


def _example(context: Context, group: Group) -> str:
    place = group.example
    return "" if place is None else place.address(context.settings.dead_letters)


def _as_json(
    context: Context, found: list[Group], shown: list[Group], stock: Scan, records: int, seconds: float
) -> dict[str, Any]:
    opened, replayed, discarded = _totals(found)
    return {
        "topic": context.settings.dead_letters,
        "open": opened,
        "replayed": replayed,
        "discarded": discarded,
        "foreign": stock.foreign,
        "records": records,
        "seconds": round(seconds, 3),
        "groups": [
            {
                **group.cause._asdict(),
                "open": group.open,
                "replayed": group.replayed,
                "discarded": group.discarded,
                "first_seen": clock_time(group.first_seen),
                "last_seen": clock_time(group.last_seen),
                "example": _example(context, group),
                "skipped": group.skipped,
                "replay": None if group.skipped else replay_command(context, group.cause),
            }
            for group in shown
        ],
    }
