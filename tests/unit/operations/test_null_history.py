"""Nulls of the last minute, and fields that had values and have none now."""

from __future__ import annotations

from connector.operations.null_history import AlwaysNull, NullHistory, RouteNulls
from connector.routing.route_counts import RouteCounts


class Life:
    """One route with the fields `a` and `b`, a second a step."""

    def __init__(self) -> None:
        self.route = RouteCounts("paid", "login", {"a": "a", "b": "b"})
        self.history = NullHistory([self.route], 0.0)
        self.now = 0.0

    def second(self, events: int, nulls: int = 0, seconds: int = 1) -> None:
        """So many events in each of these seconds, of which so many have no `a`."""
        for _ in range(seconds):
            self.now += 1.0
            self.route.tally[0] += events
            self.route.tally[1] += nulls
            self.history.record_sample(self.now)

    @property
    def found(self) -> RouteNulls:
        (found,) = self.history.routes()
        return found

    def always(self) -> AlwaysNull | None:
        (field,) = self.found.fields
        assert field.field == "a", "a field that never was null is not listed"
        return field.always


def test_the_last_minute_is_counted_beside_all_since_the_start() -> None:
    life = Life()
    assert life.found == RouteNulls("paid", "login", 0, 0, [])
    life.second(10, nulls=1, seconds=30)
    assert (life.found.events, life.found.events_last_minute) == (300, 300)
    life.second(2, seconds=60)
    (field,) = life.found.fields
    assert (life.found.events, life.found.events_last_minute) == (420, 120)
    assert (field.nulls, field.nulls_last_minute) == (30, 0)
    life.route.tally[0] += 1
    assert life.found.events_last_minute == 121, "what no sample has seen yet counts too"


def test_samples_of_a_loop_that_was_late_reach_back_a_minute_at_least() -> None:
    life = Life()
    life.second(1, seconds=10)
    life.now += 300.0
    life.second(5)
    assert life.found.events_last_minute == 5
    assert len(life.history._samples) == 2, "older samples are forgotten"


def test_a_field_that_is_renamed_is_seen_in_a_second_where_there_is_traffic() -> None:
    life = Life()
    life.second(100, nulls=1, seconds=10)
    life.second(100, nulls=60)  # in this second it was renamed
    assert life.always() is None
    life.second(100, nulls=100)
    assert life.always() == AlwaysNull(since=12.0, events=100, events_before=1_100, nulls_before=70)
    life.second(0, seconds=120)
    assert life.always() is not None, "it is not forgotten because no events come"
    life.second(1, nulls=0)
    assert life.always() is None, "one value ends it"


def test_three_nulls_prove_much_after_hundreds_of_values_and_little_after_ten() -> None:
    for values, enough in ((10**9, 3), (500, 3), (10, 6)):
        life = Life()
        life.second(values)
        life.second(1, nulls=1, seconds=enough - 1)
        assert life.always() is None
        life.second(1, nulls=1)
        assert life.always() is not None


def test_an_optional_field_is_no_news() -> None:
    never, seldom = Life(), Life()
    never.second(100, nulls=100, seconds=60)
    assert never.always() is None, "it never had a value"
    seldom.second(100, nulls=90, seconds=60)
    seldom.second(1, nulls=1, seconds=100)
    assert seldom.always() is None, "nine of ten are null: a hundred in a row are no wonder yet"


def test_routes_stand_in_file_order_each_with_its_own() -> None:
    routes = [RouteCounts(name, "login", {"a": "a"}) for name in ("one", "two")]
    history = NullHistory(routes, 0.0)
    routes[1].tally[:] = [4, 3]
    history.record_sample(1.0)
    one, two = history.routes()
    assert (one.name, one.events, one.fields) == ("one", 0, [])
    assert (two.name, two.events, [(field.field, field.nulls) for field in two.fields]) == ("two", 4, [("a", 3)])
