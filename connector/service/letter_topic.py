"""Watches that the dead-letter topic is not compacted: it would keep only the last letter of each key."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable

from connector.delivery.backoff import Backoff
from connector.errors import ConnectorError

# The first and the longest pause, in seconds, where the brokers do not answer or do not permit the question.
RETRY_PAUSES = (5.0, 300.0)
# The policy may change while we run: so often it is asked for, in seconds.
REPEAT_SECONDS = 300.0

# Returns true if the topic is compacted. May block; raises ConnectorError where the brokers do not answer.
AskCompacted = Callable[[], bool]


async def until_compacted(ask: AskCompacted, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
    """Return once the brokers say that the topic is compacted, which may be never; `pause` waits for so many seconds.

    Until they answer, a topic that is not compacted is assumed.
    """
    backoff, refusals = Backoff(*RETRY_PAUSES), 0
    while True:
        try:
            if await _answer(ask):
                return
        except ConnectorError:
            refusals += 1
            await pause(backoff.seconds_before_retry(refusals))
        else:
            refusals = 0
            await pause(REPEAT_SECONDS)


async def _answer(ask: AskCompacted) -> bool:
    """Ask on a thread of its own, not in the loop's pool: a call that hangs must not delay the end of the process."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bool] = loop.create_future()

    def report(compacted: bool, error: BaseException | None) -> None:
        if answered.done():  # cancelled: the service is stopping
            return
        if error is None:
            answered.set_result(compacted)
        else:
            answered.set_exception(error)

    def run() -> None:
        compacted, failure = False, None
        try:
            compacted = ask()
        except BaseException as error:  # noqa: BLE001 - raised again by `await answered`
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: the service has stopped
            loop.call_soon_threadsafe(report, compacted, failure)

    threading.Thread(target=run, name="dead-letter topic", daemon=True).start()
    return await answered
