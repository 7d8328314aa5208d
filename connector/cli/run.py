"""`connector run`: the service."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from connector.cli import _completion
from connector.cli._options import Config


def run(
    config: Config,
    sink: Annotated[
        list[str] | None,
        typer.Option(
            "--sink", metavar="NAME", help="Run this sink alone; may be repeated.", autocompletion=_completion.sinks
        ),
    ] = None,
) -> None:
    """Read the topics, deliver their events, and commit what was delivered; until SIGTERM or Ctrl-C.

    Exit status 0: all that was in flight is settled and committed; 1: it is not, or something failed; 2: the
    configuration is wrong. A second signal ends at once.

    Example: connector run --config connector.yaml --sink mytracker
    """
    import uvloop

    from connector.config.load import load
    from connector.errors import ConfigError, Mistake
    from connector.operations.logs import configure_logs
    from connector.service.run import Service

    settings = load(config)
    unknown = [name for name in sink or () if name not in settings.sinks]
    if unknown:
        known = ", ".join(settings.sinks)
        raise ConfigError([Mistake("--sink", f"no sink is called {name}; there is {known}") for name in unknown])
    configure_logs()
    # Objects made so far live for ever; without this each full collection would walk them and block the loop for 50 ms.
    gc.freeze()
    raise typer.Exit(uvloop.run(Service(settings, sinks=sink or (), shown_configuration=config.read_text()).run()))
