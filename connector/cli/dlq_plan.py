"""`connector dlq replay --dry-run`: what a replay would do, and how long it would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
import typer

from connector.cli.dlq_options import Context, reading_progress
from connector.cli.dlq_wiring import at_replay_pace, build_routers
from connector.deadletters.ordered_letters import read_in_order
from connector.deadletters.plan import SinkPlan, plan_replay
from connector.deadletters.remap import SKIPPED
from connector.deadletters.scan import SinkNames, read_receipts, scan_letters
from connector.kafka.topic_reader import TopicReader
from connector.operations.formatting import counted
from connector.service.assembly import limits_of

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters


def show_plan(context: Context, selection: LetterFilters, limit: int | None, rate: float | None, as_json: bool) -> None:
    """Route and map every selected letter, and say what came of it."""
    settings, names = context.settings, SinkNames()
    with reading_progress() as progress, TopicReader(context.conf, settings.dead_letters) as letters:
        receipts = read_receipts(context.conf, settings.receipts, progress)
        index = scan_letters(letters, receipts, selection, progress, names.number).index
        routers = build_routers(settings, names.of(index))
        plans = plan_replay(read_in_order(letters, index, limit), routers, receipts)
    if as_json:
        typer.echo(orjson.dumps(_as_json(context, plans, rate), option=orjson.OPT_INDENT_2))
        return
    total = sum(plan.passing + plan.failing.total() for plan in plans.values())
    typer.echo(f"{counted(total, 'open dead letter')} selected; nothing is sent")
    for sink, plan in sorted(plans.items()):
        typer.echo(
            f"\n{sink}: {typer.style(f'{plan.passing:,} would be sent', fg='green')}{_time(context, sink, plan, rate)}"
        )
        for obstacle, count in plan.failing.most_common():
            failing = f"{count:,} still fails" if count == 1 else f"{count:,} still fail"
            told = f"{count:,} left as it is" if obstacle == SKIPPED else typer.style(failing, fg="red")
            typer.echo(f"  {told}: {obstacle}")


def _time(context: Context, sink: str, plan: SinkPlan, rate: float | None) -> str:
    if not plan.items:
        return ""
    of = at_replay_pace(context.settings.sinks[sink], rate)
    requests = plan.requests(limits_of(of))
    sending = f", {counted(plan.items, 'item')} in at least {counted(requests, 'request')}"
    if of.rate is None:
        return f"{sending}, {of.max_in_flight} at a time, as fast as the vendor answers"
    return f"{sending}, {_span(requests / of.rate)} at {of.rate:g} a second"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _as_json(context: Context, plans: Mapping[str, SinkPlan], rate: float | None) -> dict[str, Any]:
    sinks = {}
    for sink, plan in sorted(plans.items()):
        of = None if sink not in context.settings.sinks else at_replay_pace(context.settings.sinks[sink], rate)
        requests = 0 if of is None else plan.requests(limits_of(of))
        sinks[sink] = {
            "passing": plan.passing,
            "items": plan.items,
            "requests": requests,
            "rate": None if of is None else of.rate,
            "seconds": None if of is None or of.rate is None else round(requests / of.rate, 1),
            "failing": dict(plan.failing),
        }
    return {
        "selected": sum(plan.passing + plan.failing.total() for plan in plans.values()),
        "passing": sum(plan.passing for plan in plans.values()),
        "failing": sum(plan.failing.total() for plan in plans.values()),
        "sinks": sinks,
    }
