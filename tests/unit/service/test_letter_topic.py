"""A compacted dead-letter topic is found out, however long the brokers say nothing, and nothing waits for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from connector.errors import ConnectorError
from connector.service.letter_topic import REPEAT_SECONDS, RETRY_PAUSES, until_compacted


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


async def test_brokers_that_do_not_tell_are_asked_again_and_the_policy_is_looked_at_again() -> None:
    answers: Iterator[bool | ConnectorError] = iter([ConnectorError("no"), ConnectorError("no"), False, False, True])

    def ask() -> bool:
        answer = next(answers)
        if isinstance(answer, ConnectorError):
            raise answer
        return answer

    pauses = Pauses()
    await until_compacted(ask, pauses)
    assert len(pauses) == 4
    assert all(0 < pause <= RETRY_PAUSES[1] for pause in pauses[:2])
    assert pauses[2:] == [REPEAT_SECONDS, REPEAT_SECONDS]


async def test_brokers_that_hang_hold_up_no_end() -> None:
    never, asked = threading.Event(), threading.Event()

    def ask() -> bool:
        asked.set()
        return never.wait()

    task = asyncio.create_task(until_compacted(ask))
    await asyncio.to_thread(asked.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    never.set()


async def test_a_bug_is_not_taken_for_silence() -> None:
    def ask() -> bool:
        raise KeyError("cleanup.policy")

    with pytest.raises(KeyError):
        await until_compacted(ask, Pauses())
