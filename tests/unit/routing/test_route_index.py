"""The index of a topic's routes: how little of an event is read to find them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connector.routing.route import RouteIndex, compile_route
from tests.unit.routing.support import plan, record

RECORD = record(b"")


class CountedEvent(dict[str, Any]):
    """An event that counts how often each field is read."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.reads: Counter[str] = Counter()

    def get(self, name: str, default: Any = None) -> Any:
        self.reads[name] += 1
        return super().get(name, default)


def index(*conditions: str | None) -> RouteIndex:
    return RouteIndex([compile_route(plan(f"r{number}", when), number) for number, when in enumerate(conditions)])


def test_a_hundred_conditions_on_one_path_read_it_once() -> None:
    event = CountedEvent({"type": "t42", "total": 5})
    found = index(*(f"type == 't{number}'" for number in range(100))).candidates(event, RECORD)
    assert [route.name for route, _ in found] == ["r42"]
    assert event.reads == {"type": 1}


def test_conditions_on_two_paths_read_each_once_and_nothing_is_decided_that_another_path_decides() -> None:
    event = CountedEvent({"type": "paid", "kind": "b"})
    found = index(
        "kind == 'a'", "type == 'paid'", "type == 'paid' && total > `1`", None, "total > `1`", "kind == 'b'"
    ).candidates(event, RECORD)
    assert [(route.name, holds is None) for route, holds in found] == [
        ("r1", True),
        ("r2", False),
        ("r3", True),
        ("r4", False),
        ("r5", True),
    ]
    assert event.reads == {"type": 1, "kind": 1}
