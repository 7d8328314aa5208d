"""`connector skip`: settles one offset for a sink that cannot get past it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli import _completion
from connector.cli._options import AsJson, Config
from connector.cli._terminal import open_for_command

if TYPE_CHECKING:
    from connector.service.skip import Skipped


def skip(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="topic/partition/offset: where the record lies, one offset.")
    ],
    config: Config,
    sink: Annotated[
        str,
        typer.Option("--sink", metavar="NAME", help="The sink that will not get it.", autocompletion=_completion.sinks),
    ],
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; it becomes the letter's message.")],
    as_json: AsJson = False,
) -> None:
    """Settle one offset without delivering it, such as a record that cannot be unpacked and stops its partition.

    Its dead letter is written first, with what can be had of the record; no replay sends it. Then the group's position
    moves past it; where events before it are still open, it is noted in the commit instead. Stop the service of this
    sink first: it is refused while the group has a member. All else stays as it is.

    Exit status 0: it is settled; 1: it is not, or was so before; 2: wrong configuration or arguments.

    Example: connector skip shop.orders/3/1204 --config connector.yaml --sink mytracker --because 'damaged, see OPS-17'
    """
    from connector.clock import SystemClock
    from connector.config.load import load
    from connector.errors import ConfigError, Mistake
    from connector.service.command_input import parse_address_argument
    from connector.service.skip import expect_subscription, skip_offset

    wanted = parse_address_argument("ADDRESS", address)
    if not because.strip():
        raise ConfigError([Mistake("--because", "say why: it is all that a reader of the letter will know")])
    expect_subscription(load(config), sink, wanted)  # before any broker is asked
    opened = open_for_command(config)
    done = skip_offset(opened.settings, opened.conf, sink, wanted, because.strip(), SystemClock())
    if as_json:
        typer.echo(orjson.dumps(_as_json(done, sink, opened.settings.dead_letters)))
    else:
        _print_result(done, opened.settings.dead_letters)


def _print_result(done: Skipped, letters: str) -> None:
    if not done.change.already_settled:
        typer.echo(f"{done.address}: its dead letter is written to {letters}{_missing_parts(done)}")
    if done.moved:
        typer.echo(f"the position of group {done.group} moved from {done.before:,} to {done.after:,}")
    else:
        typer.echo(f"noted as settled above the position of group {done.group}, which is {done.after:,}")
        if done.unreadable:
            typer.echo(
                "→ the service still cannot read past it: run this again once its position is at this offset, "
                "and the position moves"
            )
    again = done.change.sent_again
    if again:
        typer.echo(
            f"may come twice: {len(again):,} settled before, at {min(again):,} to {max(again):,}, "
            "which the commit can no longer record"
        )
    if done.next_unreadable is not None:
        typer.echo(
            f"→ {done.next_unreadable} cannot be read either (Kafka's client reads a batch as a whole): skip it too"
        )


def _missing_parts(done: Skipped) -> str:
    if done.unreadable:
        return f", without key, value and headers: {done.unreadable}"
    return ", without its value, which is too large for that topic" if done.value_left_out else ""


def _as_json(done: Skipped, sink: str, letters: str) -> dict[str, Any]:
    return {
        "address": str(done.address),
        "sink": sink,
        "group": done.group,
        "settled": "moved" if done.moved else "noted",
        "position": {"before": done.before, "after": done.after},
        "dead_letters": letters,
        "letter_written": not done.change.already_settled,
        "unreadable": done.unreadable or None,
        "value_left_out": done.value_left_out,
        "may_come_twice": len(done.change.sent_again),
        "next_unreadable": None if done.next_unreadable is None else done.next_unreadable.offset,
    }
