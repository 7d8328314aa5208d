"""Tells a refusal of our key by the first refusals since the start: a vendor may say `bad key` with status 400. Pure.

The table of statuses blames the event for a 400, a 413 and a 422. Where a vendor answers so to a wrong key, every event
would become a dead letter, one by one, until the flood guard notices. It is noticed sooner that they all say the same.
"""

from __future__ import annotations

import re

from connector.model import Outcome

# So many events, each refused alone: one fewer becomes a dead letter.
ALIKE_TO_BLAME_US = 5

# A request's own number, a time: what differs although the same is said. Short numbers are codes, and say something.
_NUMBER_OF_ITS_OWN = re.compile(r"(?=[\w.:-]{8})[A-Za-z_.-]*\d[\w.:-]*")


class AlikeRefusals:
    """Counts events that were refused alone and alike, one after the other, until the first event is accepted.

    Only refusals that the table of statuses blames on the event (`by_status`) count: a vendor that has a word of its
    own for a refused event, and another for a bad key, is believed. One that says something else begins a new count, as
    it looks at the events.
    """

    __slots__ = ("_events", "_said")

    def __init__(self) -> None:
        self._said: tuple[int | None, str] | None = None
        self._events = 0

    def blames_us(self, outcome: Outcome, items: int, accepted: int) -> bool:
        """Count the refusal of a request of `items`; True if it is taken for our own fault.

        `accepted` is how many requests were accepted since the start.
        """
        if accepted or not outcome.by_status:
            return False
        said = outcome.status, _NUMBER_OF_ITS_OWN.sub("#", outcome.message)
        if items > 1:  # it may be halved, unless more than these were refused in the same words already
            return said == self._said and self.suspects_us(accepted)
        if said != self._said:
            self._said, self._events = said, 0
        self._events += 1
        return self.suspects_us(accepted)

    def suspects_us(self, accepted: int) -> bool:
        """True while so many events were refused alike that the fault must be ours, and none was accepted."""
        return not accepted and self._events >= ALIKE_TO_BLAME_US
