"""Starts `connector run` with a fault built in: the process kills, signals, stops or stalls itself at a named stage.

The product knows nothing of it: before the command runs, the function that stands at the stage is wrapped. Processes
are forked off one that has everything imported already, which saves more than a second of CPU each.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

# Only for speed: what the command would import.
PRELOADED = ["tests.faults.launcher", "connector.cli", "connector.config.load", "connector.service.run", "uvloop"]
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
# Between the request's leaving and the answer: a vendor of these tests takes at least twice as long.
IN_THE_AIR_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the process at the `nth` passing of a stage (from 1).

    `action`: a signal's name (SIGKILL, SIGTERM, SIGSTOP), or `stall`: the thread sleeps for `seconds`.
    """

    stage: str
    nth: int = 1
    action: str = "SIGKILL"
    seconds: float = 0.0


def launch(config: Path, log: Path, fault: Fault | None, arguments: Sequence[str] = ()) -> ForkServerProcess:
    """Start the command; its log goes to `log`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_run, args=(str(config), str(log), fault, tuple(arguments)), daemon=True)
    process.start()
    return process


def _run(config: str, log: str, fault: Fault | None, arguments: tuple[str, ...]) -> None:
    from connector.cli import main  # noqa: PLC0415 - this module is imported by the tests as well

    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    stderr = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(stderr, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if fault is not None:
        _build_in(fault)
    sys.argv = ["connector", "run", "--config", config, *arguments]
    main()


class _Trigger:
    """Counts the passings of a stage, and acts at the one that was asked for."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._passed = 0

    def pass_by(self) -> None:
        self._passed += 1
        if self._passed != self._fault.nth:
            return
        if self._fault.action == "stall":
            time.sleep(self._fault.seconds)
            return
        os.kill(os.getpid(), signal.Signals[self._fault.action])
        if self._fault.action == "SIGKILL":
            time.sleep(60)  # the kernel ends us at the return from the call; nothing more may happen


def _build_in(fault: Fault) -> None:
    owner, name, wrap = _stages()[fault.stage]
    setattr(owner, name, wrap(getattr(owner, name), _Trigger(fault).pass_by))


def _stages() -> dict[str, tuple[Any, str, Callable[..., Any]]]:
    """Stage → where it stands in the product, and how it is wrapped."""
    from connector.delivery.dispatcher import Dispatcher  # noqa: PLC0415 - as above
    from connector.delivery.pipeline import Pipeline  # noqa: PLC0415
    from connector.kafka.dead_letter_producer import DeadLetterProducer  # noqa: PLC0415
    from connector.kafka.group_member import GroupMember  # noqa: PLC0415
    from connector.kafka.offset_committer import OffsetCommitter  # noqa: PLC0415
    from connector.kafka.source import Source  # noqa: PLC0415
    from connector.vendors.http_sink import HttpSink  # noqa: PLC0415

    return {
        "after poll": (Pipeline, "_begin_records", _before),
        "after mapping": (Pipeline, "_begin_records", _after),
        "before send": (Dispatcher, "_send", _before),
        "in the air": (HttpSink, "send", _during),
        "after response": (HttpSink, "send", _after_await),
        "before settling": (Dispatcher, "_end_attempt", _before),
        "after settling": (Pipeline, "on_accepted", _after),
        "before dead letter": (DeadLetterProducer, "write", _before),
        "dead letter produced": (DeadLetterProducer, "write", _after),
        "dead letter reported": (Pipeline, "on_written", _before),
        "before commit": (OffsetCommitter, "commit_async", _before),
        "commit sent": (OffsetCommitter, "commit_async", _after),
        "after commit": (Pipeline, "on_committed", _after),
        "polling": (Source, "_read", _before),
        "assigning": (GroupMember, "on_assign", _before),
        "revoking": (GroupMember, "on_revoke", _before),
        "last commit": (OffsetCommitter, "commit_sync", _before),
        "leaving": (Source, "_stop", _after),
    }


def _before(original: Callable[..., Any], pass_by: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        pass_by()
        return original(*args, **kwargs)

    return wrapped


def _after(original: Callable[..., Any], pass_by: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        pass_by()
        return result

    return wrapped


def _after_await(original: Callable[..., Any], pass_by: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = await original(*args, **kwargs)
        pass_by()
        return result

    return wrapped


def _during(original: Callable[..., Any], pass_by: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        request = asyncio.ensure_future(original(*args, **kwargs))
        await asyncio.sleep(IN_THE_AIR_SECONDS)
        pass_by()
        return await request

    return wrapped
