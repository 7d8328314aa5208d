"""Terminal matters of the commands that read Kafka: signals and logs, progress, text from outside."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.deadletters.scan import ReadProgress
    from connector.service.command_input import OpenConfig

# Control characters, line separators, changes of the writing direction, and surrogates, which cannot be printed.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def open_for_command(file: Path) -> OpenConfig:
    """Open a configuration for a command: only what goes wrong is logged, and SIGTERM ends it as Ctrl-C does.

    Raises ConfigError and ConnectorError as `open_config` does.
    """
    from connector.operations.logs import configure_logs
    from connector.service.command_input import open_config

    configure_logs(level="error" if sys.stderr.isatty() else "warning")
    # So that locks are released and clients closed; an event loop sets its own handlers later.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return open_config(file)


@contextmanager
def reading_progress() -> Iterator[ReadProgress]:
    """Show on standard error, if that is a terminal, how far the reading of each topic is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("reading {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, rate="")
            speed = bar.tasks[tasks[what]].speed
            bar.update(tasks[what], completed=done, rate=f"{speed:,.0f}/s" if speed else "")

        yield show


def printable(text: str) -> str:
    """Return the text with control characters escaped: whoever wrote a record could otherwise drive the terminal."""
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
