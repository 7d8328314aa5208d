"""Judges what a route made of a case's event against what is expected of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from connector.model import Failure
from connector.operations.formatting import counted
from connector.service.route_tests.cases import Expectation
from connector.service.route_tests.compare import Difference, differences


class Made(NamedTuple):
    """What a route makes of an event: the bodies that would be sent, as their vendor reads them, and its dead letter.

    `skips` says why it makes nothing, for people.
    """

    bodies: Sequence[Mapping[str, Any]]
    letter: Failure | None
    skips: str = ""


class Problem(NamedTuple):
    """What is not as expected of a route (None: of the record as a whole), for people.

    `says` is what was expected and what is instead, `why` the reason that the route gives; both "" where it is some
    fields alone. `differences` are those of its bodies, whose paths begin with the number of the body where there are
    several. `sent` has the bodies that nobody expected.
    """

    route: str | None
    says: str
    why: str = ""
    differences: Sequence[Difference] = ()
    sent: Sequence[Mapping[str, Any]] = ()


def judge(route: str | None, expected: Expectation, made: Made) -> Problem | None:
    """Return what is wrong with what a route made; None if it is as expected."""
    return _judge_letter(route, expected, made) or _judge_bodies(route, expected, made)


def _judge_letter(route: str | None, expected: Expectation, made: Made) -> Problem | None:
    letter = made.letter
    if expected.reason is None:
        if letter is None:
            return None
        wanted = "to be skipped" if _none_sent(expected) else "to be sent"
        return Problem(route, f"expected {wanted}, but it is a dead letter ({letter.reason})", letter.message)
    wanted = f"a dead letter ({expected.reason})"
    if letter is None:
        return _instead(route, wanted, made)
    if letter.reason is not expected.reason:
        return Problem(route, f"expected {wanted}, but its reason is {letter.reason}", letter.message)
    if expected.message not in letter.message:
        return Problem(route, f'expected {wanted} that says "{expected.message}", but it says', letter.message)
    return None


def _judge_bodies(route: str | None, expected: Expectation, made: Made) -> Problem | None:
    if _none_sent(expected):
        wanted = "to be skipped" if expected.reason is None else f"nothing but a dead letter ({expected.reason})"
        return _instead(route, wanted, made) if made.bodies else None
    if not made.bodies:
        return _instead(route, "to be sent", made)
    wanted_bodies = (expected.fields,) if expected.fields is not None else expected.bodies
    if len(wanted_bodies) != len(made.bodies):
        says = f"expected {counted(len(wanted_bodies), 'item')}, but {counted(len(made.bodies), 'item')} would be sent"
        return Problem(route, says, sent=made.bodies)
    found = [
        difference
        for index, (wanted_body, body) in enumerate(zip(wanted_bodies, made.bodies, strict=True))
        for difference in differences(
            wanted_body,
            body,
            in_part=expected.fields is not None,
            path=(index,) if len(made.bodies) > 1 else (),
        )
    ]
    return Problem(route, "", differences=found) if found else None


def _none_sent(expected: Expectation) -> bool:
    return not expected.bodies and expected.fields is None


def _instead(route: str | None, wanted: str, made: Made) -> Problem:
    if made.bodies:
        return Problem(route, f"expected {wanted}, but it would be sent", sent=made.bodies)
    return Problem(route, f"expected {wanted}, but it is skipped", made.skips)
