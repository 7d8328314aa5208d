"""The plan of a replay: what today's configuration would make of the selected letters. Sends nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.deadletters.normalise import normalise_message
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import Receipts
from connector.deadletters.remap import Router, remap
from connector.model import Item, Limits


@dataclass(slots=True)
class SinkPlan:
    """One sink's part. `passing` letters would be sent; `failing` counts the others by what is in their way."""

    passing: int = 0
    items: int = 0
    failing: Counter[str] = field(default_factory=Counter)
    _weights: dict[str, tuple[int, int]] = field(default_factory=dict)  # method → items, bytes

    def add(self, items: Sequence[Item], obstacle: str) -> None:
        """One letter."""
        if obstacle:
            self.failing[normalise_message(obstacle)] += 1
        else:
            self.passing += 1
        self.items += len(items)
        for item in items:
            count, size = self._weights.get(item.method, (0, 0))
            self._weights[item.method] = count + 1, size + len(item.body)

    def requests(self, limits: Limits) -> int:
        """How many requests it takes at least, if all batches fill."""
        return sum(
            max(
                math.ceil(count / limits.max_events),
                math.ceil((size + count * limits.separator) / (limits.max_bytes - limits.envelope + limits.separator)),
            )
            for count, size in self._weights.values()
        )


def plan_replay(
    chunks: Iterator[Sequence[OrderedLetter]], routers: Mapping[str, Router], receipts: Receipts
) -> dict[str, SinkPlan]:
    """What a replay of these letters would do, by sink."""
    plans: dict[str, SinkPlan] = {}
    for chunk in chunks:
        for letter, record in ((selected.letter, selected.record) for selected in chunk):
            today = remap(letter, record, routers, receipts)
            plans.setdefault(letter.sink, SinkPlan()).add(today.items, today.obstacle)
    return plans
