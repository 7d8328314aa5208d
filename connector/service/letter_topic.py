"""The dead-letter topic must keep every letter: compacted, it would keep the last one of each key."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable

from connector.delivery.backoff import Backoff
from connector.errors import ConnectorError

# Brokers that do not answer, or do not let us look, are asked again; in seconds.
ASK_AGAIN = (5.0, 300.0)
# A policy may be set while we run.
LOOK_AGAIN = 300.0

# Whether the topic is compacted. May block; raises ConnectorError where the brokers do not tell.
AskCompacted = Callable[[], bool]


async def until_compacted(ask: AskCompacted, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
    """Return once the brokers say that the topic is compacted, which may be never; `pause` waits for so many seconds.

    That they do not tell is no fault of ours and nothing waits for it: a topic of the usual kind is assumed.
    """
    backoff, refusals = Backoff(*ASK_AGAIN), 0
    while True:
        try:
            if await _answer(ask):
                return
        except ConnectorError:
            refusals += 1
            await pause(backoff.after(refusals))
        else:
            refusals = 0
            await pause(LOOK_AGAIN)


async def _answer(ask: AskCompacted) -> bool:
    """Ask in a thread of its own, not the loop's pool: brokers that hang must not hold up the process's end."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bool] = loop.create_future()

    def tell(compacted: bool, error: BaseException | None) -> None:
        if answered.done():  # cancelled: we are ending
            return
        if error is None:
            answered.set_result(compacted)
        else:
            answered.set_exception(error)

    def run() -> None:
        compacted, failure = False, None
        try:
            compacted = ask()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: we have ended
            loop.call_soon_threadsafe(tell, compacted, failure)

    threading.Thread(target=run, name="dead-letter topic", daemon=True).start()
    return await answered
