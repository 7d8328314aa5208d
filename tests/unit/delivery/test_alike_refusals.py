"""The first refusals since the start: alike they are ours, different or known to be the event's they are not."""

from __future__ import annotations

import pytest

from connector.delivery.alike_refusals import ALIKE_TO_BLAME_US, AlikeRefusals
from connector.model import Outcome, OutcomeKind


def refused(message: str = "bad key", status: int = 400, *, by_status: bool = True) -> Outcome:
    return Outcome(OutcomeKind.REJECTED, status, message, by_status=by_status)


def blamed(*messages: str) -> list[bool]:
    """Whether each of these refusals, of an event alone, is taken for ours."""
    refusals = AlikeRefusals()
    return [refusals.blames_us(refused(message), 1, 0) for message in messages]


def test_the_fifth_alike_and_all_after_it_are_ours() -> None:
    assert ALIKE_TO_BLAME_US == 5
    assert blamed(*["bad key"] * 8) == [False] * 4 + [True] * 4


def test_different_refusals_are_the_events_however_many() -> None:
    assert not any(blamed(*[f"field {name} is missing" for name in "abcdefghij" * 5]))
    assert not any(blamed(*["no user", "no user", "no user", "no user", "no event"] * 20))


def test_one_that_says_something_else_ends_the_suspicion() -> None:
    assert blamed(*["bad key"] * 5, "no user", *["bad key"] * 5) == [False] * 4 + [True] + [False] * 5 + [True]


def test_another_status_says_something_else() -> None:
    refusals = AlikeRefusals()
    assert not any(refusals.blames_us(refused(status=status), 1, 0) for status in (400, 422) * 10)


@pytest.mark.parametrize(
    "messages",
    [
        [f"bad key, request 7f3c9a1e-0b{n}d-4c1e-9f00-0000000000{n:02}" for n in range(5)],
        [f'{{"error":"bad key","at":"2026-11-29T02:57:0{n}.123Z","id":{1732847230 + n}}}' for n in range(5)],
    ],
)
def test_a_requests_own_number_and_time_make_no_difference(messages: list[str]) -> None:
    assert blamed(*messages) == [False] * 4 + [True]


def test_short_numbers_are_codes_and_make_one() -> None:
    assert not any(blamed(*[f"error_code: {n}" for n in range(1000, 1020)]))


def test_after_an_acceptance_every_refusal_is_the_events() -> None:
    refusals = AlikeRefusals()
    for _ in range(8):
        refusals.blames_us(refused(), 1, 0)
    assert refusals.suspects_us(0)
    assert not refusals.suspects_us(1)
    assert not any(refusals.blames_us(refused(), 1, 1) for _ in range(20))


def test_a_vendors_own_word_is_believed() -> None:
    refusals = AlikeRefusals()
    assert not any(refusals.blames_us(refused(by_status=False), 1, 0) for _ in range(20))


def test_a_refused_batch_does_not_count_and_is_ours_only_once_events_alone_were() -> None:
    refusals = AlikeRefusals()
    assert not any(refusals.blames_us(refused(), 20, 0) for _ in range(20))
    for _ in range(5):
        refusals.blames_us(refused(), 1, 0)
    assert refusals.blames_us(refused(), 20, 0)
    assert not refusals.blames_us(refused("line 7 is wrong"), 20, 0)
