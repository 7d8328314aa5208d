"""`connector dlq show`: one dead letter in full, and what would become of it today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli._options import AsJson, Config
from connector.cli._preview_text import body_lines, left_out_lines, problem_lines
from connector.cli._terminal import open_for_command, printable, reading_progress

if TYPE_CHECKING:
    from connector.model import Item

# Longer values and lines are cut; `dlq show --json` and `dlq export` have all of them.
_MAX_LINES = 60
_MAX_LINE_CHARS = 2000
_MAX_INDEXES = 12
_MAX_ITEMS = 20
# What a receipt without a reason means.
_CLOSED = {
    "replayed": "the vendor accepted it",
    "refused": "the vendor refused it again, and a newer letter replaces it",
    "discarded": "closed by an operator",
}


def show(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="topic/partition/offset: the letter's own, or its event's.")
    ],
    config: Config,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter in full: the event, each attempt, and what today's configuration would send.

    The address of an event shows the letters of every sink and route that could not deliver it.

    Example: connector dlq show crm.dead-letters/0/17 --config connector.yaml
    """
    from connector.service.command_input import parse_address_argument
    from connector.service.letter_report import report_letters
    from connector.service.vendor_events import sightings_of

    wanted = parse_address_argument("ADDRESS", address)
    opened = open_for_command(config)

    def ask_fired(sink: str, item: Item) -> dict[str, Any] | None:
        return sightings_of(opened.settings, sink, item)

    with reading_progress() as progress:
        reports = report_letters(opened, wanted, progress, ask_fired)
    if as_json:
        typer.echo(orjson.dumps(reports if len(reports) > 1 else reports[0], option=orjson.OPT_INDENT_2))
        return
    for number, report in enumerate(reports):
        typer.echo("\n" * bool(number), nl=False)
        print_letter(report)


def print_letter(report: dict[str, Any]) -> None:
    """Print what `report_letter` returned."""
    style = typer.style
    state = style(report["state"], bold=True, fg="red" if report["state"] == "open" else "green")
    typer.echo(f"dead letter {style(report['letter'], bold=True)}  {state}")
    route = "" if report["route"] is None else f", route {report['route']} ({report['method']})"
    lines = {
        "event": f"{report['origin']}, written {report['timestamp'] or '(no timestamp)'}",
        "key": report["key"] if report["key"] is not None else "(none)",
        "sink": report["sink"] + route,
        "reason": f"{report['reason']}, at {report['stage']}",
    }
    if report["items"] is not None:
        lines["items"] = _named(report["items"])
    for name, text in lines.items():
        typer.echo(f"  {name:<8}{printable(text)}")
    _print_history(report)
    _print_heading("headers of the event")
    for name, value in report["headers"]:
        typer.echo(f"  {printable(name)}: {'(null)' if value is None else printable(value)}")
    if not report["headers"]:
        typer.echo("  (none)")
    _print_heading(f"value, {report['bytes']:,} bytes")
    _print_value(report["value"])
    _print_today(report)


def _named(items: list[int] | str) -> str:
    """Return which items of the event failed, by their index in the list."""
    if isinstance(items, str):
        return "all (too many failed to name them)"
    indexes = list(map(str, items))
    shown = ", ".join(indexes[:_MAX_INDEXES])
    return shown if len(indexes) <= _MAX_INDEXES else f"{shown} and {len(indexes) - _MAX_INDEXES:,} more"


def _print_history(report: dict[str, Any]) -> None:
    _print_heading("what happened")
    for failure in report["failures"]:
        typer.echo(f"  {failure['at']}  {_failure(failure)}  ({failure['letter']})")
        typer.echo(f"      {printable(failure['message']) or '(no message)'}")
    for receipt in report["receipts"]:
        why = receipt["why"] or _CLOSED[receipt["what"]]
        closed = typer.style(receipt["what"], bold=True)
        typer.echo(f"  {receipt['at']}  {closed}: {printable(why)}  ({printable(receipt['letter'])})")


def _failure(failure: dict[str, Any]) -> str:
    text = typer.style(failure["reason"], bold=True)
    text += f", status {failure['status']}" if failure["status"] is not None else ""
    sent = failure["attempts"]
    text += ", never sent" if not sent else f", sent {sent} time{'s' * (sent > 1)}"
    return text + (f", replay {failure['replays']}" if failure["replays"] else "")


def _print_today(report: dict[str, Any]) -> None:
    from connector.deadletters.remap import SKIPPED

    today = report["today"]
    _print_heading("today's configuration")
    for item in today["items"][:_MAX_ITEMS]:
        number = "" if item["item"] is None else f", item {item['item']}"
        typer.echo(f"  would send this as {item['method']}, by route {item['route']}{number}, {item['bytes']:,} bytes:")
        _print_value("\n".join(body_lines(item["body"], item["times"])), indent=4)
        _print_lines(left_out_lines(item["left_out"], 4))
        if item["fired"] is not None:
            typer.echo(f"  {_fired(item['fired'])}")
    if len(today["items"]) > _MAX_ITEMS:
        typer.echo(f"  … and {len(today['items']) - _MAX_ITEMS:,} items more: dlq show --json has them")
    if today["obstacle"] == SKIPPED:
        typer.echo(f"  {today['obstacle']}: a replay leaves it as it is")
    elif today["obstacle"]:
        _print_obstacles(today["obstacle"], today["problems"])
        _print_lines(left_out_lines(today["left_out"], 2))
    else:
        typer.echo(f"  {typer.style('passes', fg='green', bold=True)} today's rules; the vendor may still refuse it")
    if report["state"] == "open" and report["reason"] == "ambiguous":
        typer.echo("  the answer to it was lost: it may have taken effect, and sending it again may double it")
    if report["state"] == "open" and today["items"] and report["replay"]:
        typer.echo(f"  with all letters of its cause: {typer.style(printable(report['replay']), fg='cyan')}")


def _print_obstacles(obstacle: str, problems: Sequence[Mapping[str, Any]]) -> None:
    """Print what prevents a delivery: the obstacle that a replay would name first, then all others."""
    first = next((each for each in problems if obstacle.endswith(each["message"])), None)
    kind, details = ("", []) if first is None else (first["name"], first["details"])
    label = typer.style("still fails", fg="red", bold=True)
    typer.echo(f"  {label}: {printable(obstacle)}{f' [{kind}]' if kind else ''}")
    _print_lines(f"    {detail}" for detail in details)
    also = "" if first is None else "also: "
    others = [each for each in problems if each is not first]
    for problem in others[:_MAX_ITEMS]:
        item = "" if problem["item"] is None else f"item {problem['item']}: "
        _print_lines(problem_lines({**problem, "message": f"{also}{item}{problem['message']}"}, 2))
    if len(others) > _MAX_ITEMS:
        typer.echo(f"  … and {len(others) - _MAX_ITEMS:,} mistakes more: dlq show --json has them")


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(printable(line))


def _fired(fired: dict[str, Any]) -> str:
    if fired["times"] is None:
        return f"whether it took effect could not be asked: {fired['why']}"
    if not fired["times"]:
        return "the vendor has never seen this event fired for this client"
    times = "once" if fired["times"] == 1 else f"{fired['times']} times, last"
    return (
        f"the vendor has seen this event fired for this client {times}, {fired['last']} (a till may have fired it, too)"
    )


def _print_heading(text: str) -> None:
    typer.echo(typer.style(text, underline=True))


def _print_value(value: Any, indent: int = 2) -> None:
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    lines = text.splitlines() or [""]
    for line in lines[:_MAX_LINES]:
        cut = line if len(line) <= _MAX_LINE_CHARS else line[:_MAX_LINE_CHARS] + "…"
        typer.echo(" " * indent + printable(cut))
    if len(lines) > _MAX_LINES:
        typer.echo(f"{' ' * indent}… {len(lines) - _MAX_LINES:,} lines more: dlq show --json has them")
