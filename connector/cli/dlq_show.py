"""`connector dlq show`: one dead letter in full, and what would become of it today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli._options import AsJson, Config
from connector.cli.dlq_options import Context, clock_time, open_config, reading_progress, record_time, replay_command

if TYPE_CHECKING:
    from connector.deadletters.letter_history import LetterHistory
    from connector.model import Event, Item, Record
    from connector.redaction.payloads import Redactor

# Past so much of a value nobody reads on; export has all of it.
_MOST_LINES = 60
_MOST_BYTES = 2000
# What a receipt says, for people.
_CLOSED = {
    "replayed": "the vendor accepted it",
    "refused": "the vendor refused it again, and a newer letter stands for it",
    "discarded": "closed by hand",
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
    from connector.deadletters.letter_history import find_histories
    from connector.errors import ConfigError, Mistake
    from connector.kafka.records import parse_address
    from connector.kafka.topic_reader import TopicReader

    try:
        wanted = parse_address(address)
    except ValueError as error:
        raise ConfigError([Mistake("ADDRESS", str(error))]) from None
    context = open_config(config)
    settings = context.settings
    with reading_progress() as progress, TopicReader(context.conf, settings.dead_letters) as letters:
        histories = find_histories(context.conf, letters, settings.receipts, wanted, progress)
    shown = [_described(context, history) for history in histories]
    if as_json:
        typer.echo(orjson.dumps(shown if len(shown) > 1 else shown[0], option=orjson.OPT_INDENT_2))
        return
    for number, each in enumerate(shown):
        typer.echo("\n" * bool(number), nl=False)
        _say(each)


def _described(context: Context, history: LetterHistory) -> dict[str, Any]:
    """Everything that is shown, as JSON holds it, with nothing in it that `redact` hides."""
    from connector.cli.dlq_letter import event_of, facts
    from connector.deadletters.normalise import normalise_message
    from connector.deadletters.summary import cause_of
    from connector.redaction.payloads import Redactor

    topic, record, newest = context.settings.dead_letters, history.record, history.letters[-1]
    event = event_of(record)
    veil = Redactor(event, context.settings.redact)
    return {
        **facts(newest, topic, record, veil),
        "state": history.state.word,
        "timestamp": record_time(record.timestamp),
        "bytes": len(record.value or b""),
        "value": veil.event() if event is not None else _undecoded(record, veil),
        "failures": [
            {
                "letter": letter.place.address(topic),
                "at": clock_time(letter.failed_at),
                "reason": letter.reason,
                "message": veil.text(letter.message),
                "status": letter.status,
                "attempts": letter.attempts,
                "replays": letter.replays,
            }
            for letter in history.letters
        ],
        "receipts": [
            {"what": receipt.what.word, "at": clock_time(receipt.at), "letter": receipt.letter, "why": receipt.why}
            for receipt in history.receipts
        ],
        "today": _today(context, history, event, veil),
        "replay": replay_command(context, cause_of(newest, record.value, normalise_message(newest.message))),
    }


def _undecoded(record: Record, veil: Redactor) -> str:
    """What of a value that is no event may be shown."""
    if veil.hides_everything:
        return "(not shown: it is no event, so what redact hides cannot be found in it)"
    value = record.value or b""
    text = value[:_MOST_BYTES].decode("utf-8", "backslashreplace")
    return text if len(value) <= _MOST_BYTES else f"{text}… ({len(value):,} bytes)"


def _today(context: Context, history: LetterHistory, event: Event | None, veil: Redactor) -> dict[str, Any]:
    """What today's configuration makes of the event: the requests' bodies, or what is in the way.

    Beside an open letter whose answer was lost stands what the vendor knows of its event, so that a person can decide.
    """
    from connector.cli._vendor_events import fires_for_client
    from connector.cli.dlq_wiring import build_routers
    from connector.deadletters.receipts import Receipts, State
    from connector.deadletters.remap import remap
    from connector.model import Reason

    letter = history.letters[-1]
    routers = build_routers(context.settings, [letter.sink])
    today = remap(letter, history.record, routers, Receipts())
    in_doubt = letter.reason == Reason.UNKNOWN_OUTCOME and history.state is State.OPEN
    return {
        "accepted": today.whole,
        "obstacle": veil.text(today.obstacle) or None,
        "items": [
            {
                "route": item.route,
                "method": item.method,
                "bytes": len(item.body),
                "body": _body(context, item, event, history.record, veil),
                "fired": fires_for_client(context.settings, letter.sink, item) if in_doubt else None,
            }
            for item in today.items
        ],
    }


def _body(context: Context, item: Item, event: Event | None, record: Record, veil: Redactor) -> Any:
    from connector.service.readable_items import readable

    body = readable(context.settings, item, event or {}, record)
    return {name: veil.text(value) if isinstance(value, str) else value for name, value in body.items()}


def _say(told: dict[str, Any]) -> None:
    style = typer.style
    state = style(told["state"], bold=True, fg="red" if told["state"] == "open" else "green")
    typer.echo(f"dead letter {style(told['letter'], bold=True)}  {state}")
    way = told["sink"] if told["route"] is None else f"{told['sink']}, route {told['route']} ({told['method']})"
    lines = {
        "event": f"{told['origin']}, written {told['timestamp'] or '(no timestamp)'}",
        "key": told["key"] if told["key"] is not None else "(none)",
        "sink": way,
        "reason": f"{told['reason']}, at {told['stage']}",
    }
    for name, text in lines.items():
        typer.echo(f"  {name:<8}{text}")
    _heading("what happened")
    for failure in told["failures"]:
        typer.echo(f"  {failure['at']}  {_failure(failure)}  ({failure['letter']})")
        typer.echo(f"      {failure['message'] or '(no message)'}")
    for receipt in told["receipts"]:
        why = receipt["why"] or _CLOSED[receipt["what"]]
        typer.echo(f"  {receipt['at']}  {style(receipt['what'], bold=True)}: {why}  ({receipt['letter']})")
    _heading("headers of the event")
    for name, value in told["headers"]:
        typer.echo(f"  {name}: {'(null)' if value is None else value}")
    if not told["headers"]:
        typer.echo("  (none)")
    _heading(f"value, {told['bytes']:,} bytes")
    _pretty(told["value"])
    _say_today(told)


def _failure(failure: dict[str, Any]) -> str:
    words = typer.style(failure["reason"], bold=True)
    words += f", status {failure['status']}" if failure["status"] is not None else ""
    sent = failure["attempts"]
    words += ", never sent" if not sent else f", sent {sent} time{'s' * (sent > 1)}"
    return words + (f", replay {failure['replays']}" if failure["replays"] else "")


def _say_today(told: dict[str, Any]) -> None:
    from connector.deadletters.remap import SKIPPED

    today = told["today"]
    _heading("today's configuration")
    for item in today["items"]:
        typer.echo(f"  would send this as {item['method']}, by route {item['route']}, {item['bytes']:,} bytes:")
        _pretty(item["body"], indent=4)
        if item["fired"] is not None:
            typer.echo(f"  {_fired(item['fired'])}")
    if today["obstacle"] == SKIPPED:
        typer.echo(f"  {today['obstacle']}: a replay leaves it as it is")
    elif today["obstacle"]:
        typer.echo(f"  {typer.style('still fails', fg='red', bold=True)}: {today['obstacle']}")
    else:
        typer.echo(f"  {typer.style('passes', fg='green', bold=True)} today's rules; the vendor may still refuse it")
    if told["state"] == "open" and told["reason"] == "ambiguous":
        typer.echo("  the answer to it was lost: it may have taken effect, and sending it again may double it")
    if told["state"] == "open" and today["items"] and told["replay"]:
        typer.echo(f"  with all letters of its cause: {typer.style(told['replay'], fg='cyan')}")


def _fired(fired: dict[str, Any]) -> str:
    if fired["times"] is None:
        return f"whether it took effect could not be asked: {fired['why']}"
    if not fired["times"]:
        return "SailPlay has never seen this event fired for this client"
    times = "once" if fired["times"] == 1 else f"{fired['times']} times, last"
    return (
        f"SailPlay has seen this event fired for this client {times}, {fired['last']} (a till may have fired it, too)"
    )


def _heading(text: str) -> None:
    typer.echo(typer.style(f"{text}", underline=True))


def _pretty(value: Any, indent: int = 2) -> None:
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    lines = text.splitlines() or [""]
    for line in lines[:_MOST_LINES]:
        typer.echo(" " * indent + (line if len(line) <= _MOST_BYTES else line[:_MOST_BYTES] + "…"))
    if len(lines) > _MOST_LINES:
        typer.echo(f"{' ' * indent}… {len(lines) - _MOST_LINES:,} lines more: dlq show --json has them")
