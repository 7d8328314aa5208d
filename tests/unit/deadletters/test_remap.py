"""What today's configuration makes of letters, and what a replay of them would take."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import LetterState, Receipt, Receipts
from connector.deadletters.remap import SinkPlan, plan_replay, remap
from connector.kafka.dead_letter import DeadLetter, digest, read_letter
from connector.kafka.letter_elements import name_elements
from connector.model import Failure, Item, Limits, Reason, Record, Stage
from tests.unit.deadletters.replay_bench import Words as Lists
from tests.unit.deadletters.support import message, record

LIMITS = Limits(max_events=20, max_bytes=10_000, envelope=2, separator=1)


class Words:
    """A router: each word of the value is the item of the route of that name; `bad` is the failure of route `bad`."""

    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        results: list[Item | Failure] = []
        for word in (record.value or b"").decode().split():
            if only in (None, word):
                failure = Failure(record, Reason.UNMAPPABLE, Stage.MAP, "no number 17", word, "login")
                results.append(failure if word == "bad" else Item(record, word, "login", b"{}"))
        return results

    def list_elements(self, _record: Record, _route: str) -> None:
        return None


ROUTERS = {"mytracker": Words()}


def letter(route: str | None, sink: str = "mytracker", stage: Stage = Stage.MAP) -> DeadLetter:
    found = read_letter(message(record(), route=route, sink=sink, stage=stage))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "route", "routes", "obstacle"),
    [
        (b"a b", "a", ["a"], ""),
        (b"a b", "c", [], "no route c takes it"),
        (b"a b", None, ["a", "b"], ""),
        (b"", None, [], "no route of this sink takes it"),
        (b"bad", "bad", [], "unmappable: no number 17"),
        (b"a bad", None, ["a"], "unmappable: no number 17"),
    ],
)
def test_a_letter_is_routed_by_what_failed_or_anew(value: bytes, route: str, routes: list[str], obstacle: str) -> None:
    today = remap(letter(route), record(value=value), ROUTERS, Receipts())
    assert [item.route for item in today.items] == routes
    assert today.obstacle == obstacle
    assert today.complete is (obstacle == "")


def test_a_sink_that_is_gone_is_named() -> None:
    assert remap(letter("a", "old"), record(value=b"a"), ROUTERS, Receipts()).obstacle == (
        "no sink old in the configuration"
    )


def test_what_an_operator_skipped_is_sent_by_no_replay() -> None:
    today = remap(letter(None, stage=Stage.SKIP), record(value=b"a b"), ROUTERS, Receipts())
    assert (today.items, today.obstacle) == ((), "skipped by an operator")


def test_what_an_earlier_replay_settled_of_a_letter_is_not_sent_again() -> None:
    receipts = Receipts()
    key = letter(None).identity_by("a")
    receipts.add_receipt(key, Receipt(LetterState.REPLAYED, 0.0, "", receipts.offsets_to_close(digest(key), {0: 0})))
    today = remap(letter(None), record(value=b"a b"), ROUTERS, receipts)
    assert ([item.route for item in today.items], today.complete) == (["b"], True)


def test_a_plan_counts_what_passes_and_why_the_rest_does_not() -> None:
    chunk = [OrderedLetter(0, letter("a"), record(value=b"a")), OrderedLetter(1, letter("bad"), record(value=b"bad"))]
    plan = plan_replay(iter([chunk, chunk]), ROUTERS, Receipts())["mytracker"]
    assert (plan.passing, plan.items, plan.failing) == (2, 2, {"unmappable: no number <n>": 2})


@pytest.mark.parametrize(
    ("items", "size", "requests"),
    [(0, 0, 0), (1, 10, 1), (20, 10, 1), (21, 10, 2), (20, 498, 1), (20, 499, 2), (3, 9_998, 3), (2, 4_999, 2)],
)
def test_requests_are_counted_by_the_vendors_limits(items: int, size: int, requests: int) -> None:
    plan = SinkPlan()
    plan.count_letter([Item(record(), "r", "login", b"x" * size)] * items, "")
    assert plan.requests(LIMITS) == requests


def test_methods_do_not_share_requests() -> None:
    plan = SinkPlan()
    plan.count_letter([Item(record(), "r", "login", b"x"), Item(record(), "r", "customEvent", b"x")], "")
    assert plan.requests(LIMITS) == 2


def test_a_plan_counts_a_letter_of_which_not_all_maps_as_failing_and_its_items_as_sent() -> None:
    failed = record(value=b"a:x+unmappable+y")
    written = read_letter(message(failed, route="a", item=name_elements(["x", "unmappable", "y"], [1, 2])))
    assert written is not None
    plan = plan_replay(iter([[OrderedLetter(0, written, failed)]]), {"mytracker": Lists()}, Receipts())["mytracker"]
    assert (plan.passing, plan.items, plan.failing) == (0, 1, {"<n> of <n> items: unmappable: no id": 1})


def test_a_route_whose_items_all_fail_leaves_a_letter_from_before_routing_open() -> None:
    failed = record(value=b"a:unmappable+unmappable b")
    today = remap(letter(None), failed, {"mytracker": Lists()}, Receipts())
    assert ([item.route for item in today.items], today.obstacle) == (["b"], "unmappable: no id")
    assert (today.complete, today.failures) == (False, [])


def test_a_route_that_an_earlier_replay_settled_of_it_is_not_sent_again_nor_its_failures_written() -> None:
    receipts = Receipts()
    key = letter(None).identity_by("a")
    receipts.add_receipt(key, Receipt(LetterState.REFUSED, 0.0, "", receipts.offsets_to_close(digest(key), {0: 0})))
    today = remap(letter(None), record(value=b"a:x+unmappable b"), {"mytracker": Lists()}, receipts)
    assert ([item.route for item in today.items], today.failures) == (["b"], [])
    assert (today.complete, today.refused_before) == (True, True)


def test_a_list_that_is_empty_now_leaves_a_letter_that_names_elements() -> None:
    written = read_letter(message(record(value=b"a:+"), route="a", item=name_elements(["x"], [0])))
    assert written is not None
    today = remap(written, record(value=b"a:+"), {"mytracker": Lists()}, Receipts())
    assert (today.items, today.obstacle) == ((), "route a makes no item of it")
