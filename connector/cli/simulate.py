"""`connector simulate`: both vendors on this machine, strict, with a ledger and faults on request."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.simulators.server import Simulator

_COUNT_EVERY = 0.5  # seconds


def simulate(
    mytracker: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="myTracker's port; 0: any.")] = 8081,
    sailplay: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="SailPlay's port; 0: any.")] = 8082,
    token: Annotated[str, typer.Option(help="The token that both accept.")] = "demo-token",  # noqa: S107 - it guards nothing
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Decide what a vendor's document leaves open; may be repeated."),
    ] = None,
) -> None:
    """Run simulators of both vendors on 127.0.0.1 until interrupted: every rule of their documents, and faults.

    Each answers, beside the vendor's own paths:

    GET /_ledger: what was accepted, per event, and counts (?summary=1: counts alone; ?after=N&limit=M: a page)

    POST /_faults: the next answers: {"kind": "status", "status": 503, "headers": {"Retry-After": "5"}, "times": 3}.
    Kinds: status, latency, outage, reset, close, half_header, half_body, hang, drip, html_200, truncated_json,
    gzip_bomb, bad_gzip. With them: times (a number or "until_reset"), match ({"method", "contains"}), apply ("before"
    or "after" the request took effect), latency_ms, probability, seed. Also {"revoke_token": true} and
    {"tokens": ["new"]}.

    GET /_faults: which faults are due, and what each kind does; DELETE /_faults: drop those that are due

    POST /_reset: start empty; may say tokens, latency_ms, and for SailPlay events ([{"key", "kind", "name"}])

    Switches of myTracker, the default first: mytracker.oversize=400|413, mytracker.max_bytes=10000,
    mytracker.unknown_fields=refuse|accept, mytracker.numeric_texts=accept|refuse, mytracker.refused_batch=none|partial
    (what of it takes effect), mytracker.id_transaction=again|once (how a payment counts that came before),
    mytracker.rate=0 (requests a second, 0: any number), mytracker.probes=answer|absent (version, test-app-access)

    Switches of SailPlay: sailplay.rate=50 (requests a second, 0: any number), sailplay.token_seconds=0 (how long a
    token from login is valid, 0: for ever), sailplay.status_code=number|text|absent, sailplay.client_after=0 (seconds
    for which a client that is new to it is unknown, -4000)

    Example: connector simulate --mytracker 8081 --switch mytracker.oversize=413
    """
    import uvloop

    from connector.errors import ConfigError, Mistake
    from connector.simulators.mytracker import MyTrackerSimulator
    from connector.simulators.sailplay import SailPlaySimulator
    from connector.simulators.switches import SwitchError, parse_switches

    try:
        mytracker_switches, sailplay_switches = parse_switches(switch or ())
    except SwitchError as error:
        raise ConfigError([Mistake("--switch", str(error))]) from None
    simulators = (
        MyTrackerSimulator(mytracker, token=token, switches=mytracker_switches),
        SailPlaySimulator(sailplay, token=token, switches=sailplay_switches),
    )
    uvloop.run(_serve(simulators))


async def _serve(simulators: Sequence[Simulator]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, ended.set)
    try:
        for simulator in simulators:
            await _start(simulator)
        _introduce(simulators)
        await _count_until(ended, simulators)
    finally:
        for simulator in simulators:
            await simulator.close()


async def _start(simulator: Simulator) -> None:
    try:
        await simulator.start()
    except OSError as error:
        raise ConnectorError(
            f"{simulator.vendor} cannot listen on 127.0.0.1:{simulator.port}: {os.strerror(error.errno or 0)}; "
            f"give another port with --{simulator.vendor.lower()}, or end what listens there"
        ) from error


def _introduce(simulators: Sequence[Simulator]) -> None:
    for simulator in simulators:
        typer.echo(f"{simulator.vendor:<10} {simulator.url}   token: {', '.join(sorted(simulator.tokens))}")
        for line in simulator.configuration_hints():
            typer.echo(f"{'':<10} {line}")
    url = simulators[0].url
    fault = '{"kind": "status", "status": 503, "times": 3}'
    typer.echo(f"a fault:   curl {url}/_faults -d '{fault}'")
    typer.echo(f"a look:    curl '{url}/_ledger?summary=1'")
    sys.stdout.flush()  # whoever started this through a pipe waits for these lines


async def _count_until(ended: asyncio.Event, simulators: Sequence[Simulator]) -> None:
    if not sys.stdout.isatty():
        await ended.wait()
        return
    while not ended.is_set():
        counts = (
            f"{simulator.vendor} {simulator.ledger.events} events in {simulator.ledger.requests} requests"
            for simulator in simulators
        )
        typer.echo(f"\r{' | '.join(counts)}", nl=False)
        try:
            await asyncio.wait_for(ended.wait(), _COUNT_EVERY)
        except TimeoutError:
            continue
    typer.echo()
