"""`connector demo`: sample events through the real connector, between simulators, and a reconciliation."""

from __future__ import annotations

import io
import json
import shutil
import sys

import typer

from connector.cli._options import AsJson

# How much of the connector's own log is shown if the demo fails.
_LOG_LINES = 20


def demo(as_json: AsJson = False) -> None:
    """Show the connector at work, without a broker or an account, in less than a minute.

    Sample events (good, bad, oversized, duplicate, unroutable) go through the real connector to simulated vendors.

    The vendors refuse some and fail for a while. In the end every event is accounted for by the vendors' ledgers, the
    dead letters and the committed offsets.

    Exit status 0: nothing was lost and everything holds; 1: it does not.

    Example: connector demo
    """
    import uvloop
    from confluent_kafka import KafkaException
    from rich.console import Console

    from connector.clock import SystemClock
    from connector.errors import ConnectorError
    from connector.operations.logs import configure_logs
    from connector.simulators.demo.run import run_demo
    from connector.simulators.demo.screen import DemoScreen, report, summary
    from connector.simulators.demo.stage import DemoPlan

    logs = io.StringIO()
    configure_logs(json=False, stream=logs)
    console, clock = Console(stderr=as_json), SystemClock()
    try:
        with DemoScreen(console, clock) as screen:
            result = uvloop.run(run_demo(screen, DemoPlan(), clock))
    except KafkaException as error:
        raise ConnectorError(f"the simulated Kafka failed: {error.args[0]}") from error
    if as_json:
        typer.echo(json.dumps(summary(result), indent=2, ensure_ascii=False))
    else:
        # After `make demo` the command is in .venv/bin, which need not be on the path.
        report(console, result, "connector" if shutil.which("connector") else sys.argv[0])
    if not result.holds:
        for line in logs.getvalue().splitlines()[-_LOG_LINES:]:
            typer.echo(line, err=True)
        raise typer.Exit(1)
