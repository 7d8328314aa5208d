"""`connector dlq summary`: dead letters by cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli._options import AsJson, Config, filtered
from connector.cli._terminal import open_for_command, printable, reading_progress
from connector.operations.formatting import clock_time, counted

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters
    from connector.deadletters.scan import Scan
    from connector.deadletters.summary import LetterGroup
    from connector.service.command_input import OpenConfig

# What letters without a message mean, by reason.
_WITHOUT_MESSAGE = {"ambiguous": "the answer was lost: it may have taken effect, and sending it again may double it"}

# Printed where there is no command that replays a group.
_LATER_VERSION = "the reason is of a later version of the connector: replay them with that one"


@filtered
def summary(
    config: Config,
    filters: LetterFilters,
    closed: Annotated[bool, typer.Option("--all", help="Also the groups of which no letter is open any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say why events became dead letters: grouped by sink, method, reason, message, event type and topic.

    Each group comes with the command that replays it and nothing else.

    Example: connector dlq summary --config connector.yaml --since 2h
    """
    from connector.deadletters.scan import scan_letters
    from connector.deadletters.summary import LetterGroups

    opened = open_for_command(config)
    settings = opened.settings
    groups = LetterGroups()
    began = time.monotonic()
    with reading_progress() as progress, opened.read_dead_letters() as letters:
        scan = scan_letters(opened.conf, letters, settings.receipts, filters, progress, groups.number_of)
        records = letters.records
    seconds = time.monotonic() - began
    found = groups.count_letters(scan.index)
    shown = [group for group in found if closed or group.open]
    if as_json:
        content = summary_json(opened, found, shown, scan, records, seconds)
        typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    else:
        print_summary(opened, found, shown, scan, f"{counted(records, 'record')} read in {seconds:.1f} s")


def print_summary(
    config: OpenConfig, found: list[LetterGroup], shown: list[LetterGroup], scan: Scan, reading: str
) -> None:
    """Print the groups that are `shown`, and the totals of all that were found; `reading` is added to the totals."""
    style = typer.style
    opened, replayed, discarded = _totals(found)
    items = sum(group.open_items for group in found)
    total = f"{counted(opened, 'letter')} open{_items(opened, items)}, {replayed:,} replayed, {discarded:,} discarded"
    typer.echo(f"{config.settings.dead_letters}: {style(total, bold=True)} ({reading})")
    if scan.foreign:
        typer.echo(f"{counted(scan.foreign, 'record')} of the topic are no letters of the connector")
    for number, group in enumerate(shown, 1):
        typer.echo()
        _print_group(config, number, group)
    hidden = len(found) - len(shown)
    if hidden:
        typer.echo(f"\n{counted(hidden, 'more group')} with no open letter: --all shows them")


def _print_group(config: OpenConfig, number: int, group: LetterGroup) -> None:
    style, cause = typer.style, group.cause
    opened = style(
        f"{group.open:,} open{_items(group.open, group.open_items)}", bold=True, fg="red" if group.open else None
    )
    typer.echo(
        f"{number}. {opened}  {printable(cause.target)}  {style(cause.reason, bold=True)}  "
        f"type {printable(cause.type)}  from {cause.topic}"
    )
    typer.echo(f"   {printable(group.message) or _WITHOUT_MESSAGE.get(cause.reason, '(no message)')}")
    counts = {"replayed": group.replayed, "discarded": group.discarded}
    closed = "".join(f", {count:,} {state}" for state, count in counts.items() if count)
    typer.echo(f"   {_seen(group)}{closed}, for example {_example(config, group)}")
    if group.skipped:
        typer.echo("   skipped by an operator: a replay leaves them as they are; dlq discard closes them")
    elif group.open:
        command = cause.replay_command(config.file)
        typer.echo(f"   {style(printable(command), fg='cyan') if command else _LATER_VERSION}")


def _items(letters: int, items: int) -> str:
    return "" if items == letters else f" ({counted(items, 'item')})"


def _seen(group: LetterGroup) -> str:
    first, last = clock_time(group.first_seen), clock_time(group.last_seen)
    return f"at {first}" if first == last else f"first {first}, last {last}"


def _totals(groups: list[LetterGroup]) -> tuple[int, int, int]:
    return (
        sum(group.open for group in groups),
        sum(group.replayed for group in groups),
        sum(group.discarded for group in groups),
    )


def _example(config: OpenConfig, group: LetterGroup) -> str:
    location = group.example
    return "" if location is None else location.address(config.settings.dead_letters)


def summary_json(
    config: OpenConfig, found: list[LetterGroup], shown: list[LetterGroup], scan: Scan, records: int, seconds: float
) -> dict[str, Any]:
    """Return the summary for programs."""
    opened, replayed, discarded = _totals(found)
    return {
        "topic": config.settings.dead_letters,
        "open": opened,
        "open_items": sum(group.open_items for group in found),
        "replayed": replayed,
        "discarded": discarded,
        "foreign": scan.foreign,
        "records": records,
        "seconds": round(seconds, 3),
        "groups": [
            {
                **group.cause._asdict(),
                "open": group.open,
                "open_items": group.open_items,
                "replayed": group.replayed,
                "discarded": group.discarded,
                "first_seen": clock_time(group.first_seen),
                "last_seen": clock_time(group.last_seen),
                "example": _example(config, group),
                "skipped": group.skipped,
                "replay": None if group.skipped else group.cause.replay_command(config.file),
            }
            for group in shown
        ],
    }
