"""The flights: what is in the air and what is held, which goes next, and which probes."""

from __future__ import annotations

from connector.batching.batcher import Batch
from connector.delivery.in_flight import PROBES_OF_ONE, Flight, Flights
from connector.model import Item, Record


def batch(number: int, *claims: int) -> Batch:
    made = Batch(number, "login", 2)
    made.items += [
        Item(Record("users", 0, offset, 0, b"k", b"", (), claim), "r", "login", b"{}")
        for offset, claim in enumerate(claims or (1,))
    ]
    return made


def flights(*numbers: int) -> tuple[Flights, list[Flight]]:
    of = Flights()
    return of, [of.board(batch(number)) for number in numbers]


def test_a_flight_is_held_until_it_departs_and_again_when_it_is_back() -> None:
    of, (first, second) = flights(1, 2)
    assert (len(of), of.held, first.airborne, first.retry_at) == (2, 2, False, 0.0)
    of.depart(first)
    assert (len(of), of.held, first.airborne) == (2, 1, True)
    of.arrive(first)
    assert (len(of), of.held, first.airborne) == (2, 2, False)
    of.end(first)
    assert (len(of), of.held) == (1, 1)
    of.end(second)
    assert (len(of), of.held) == (0, 0)


def test_only_what_is_held_is_forgotten_and_what_is_empty_then_is_told() -> None:
    of = Flights()
    gone, mixed, airborne = of.board(batch(1, 1, 1)), of.board(batch(2, 1, 2)), of.board(batch(3, 1))
    of.depart(airborne)
    dropped, empty = of.forget(lambda item: item.record.claim == 1)
    assert ([item.record.claim for item in dropped], empty) == ([1, 1, 1], [gone])
    assert [item.record.claim for item in mixed.parts.items()] == [2]
    assert len(airborne.parts.items()) == 1


def test_items_are_counted_in_the_air_by_claim_and_on_the_ground() -> None:
    of = Flights()
    halved = of.board(batch(1, 1, 1, 2, 2))
    of.board(batch(2, 3))
    halved.parts.halve()
    assert (of.airborne(), of.held_items()) == (0, 5)
    of.depart(halved)  # its first half: two items of claim 1
    assert (of.airborne(), of.airborne({1}), of.airborne({2}), of.airborne({1, 2})) == (2, 2, 0, 2)
    assert of.held_items() == 3
    of.arrive(halved)
    halved.parts.pop()
    assert of.held_items() == 3
    assert of.claims() == {1, 2, 3}  # what of a batch is settled counts until all of it is


def test_what_is_held_goes_when_its_time_has_come() -> None:
    of, (airborne, later, due) = flights(1, 2, 3)
    of.depart(airborne)
    later.retry_at, due.retry_at = 9.0, 5.0
    assert of.next_retry() == 5.0
    assert of.due(4.9) is None
    assert of.due(5.0) is due
    assert of.due(9.0) is later  # in the order in which they were taken
    for flight in (later, due):
        of.depart(flight)
    assert of.next_retry() is None
    assert of.due(100.0) is None


def test_when_the_vendor_answers_again_all_that_is_held_may_go() -> None:
    of, (first, second) = flights(1, 2)
    first.retry_at = second.retry_at = 60.0
    of.probed(second)
    of.retry_all()
    assert (of.next_retry(), of.due(0.0), of.unprobed()) == (0.0, first, first)


def test_one_flight_probes_three_times_in_a_row_and_then_the_next_oldest() -> None:
    of, (first, second) = flights(1, 2)
    assert of.same_probe() is None
    assert of.unprobed() is first
    for _ in range(PROBES_OF_ONE - 1):
        of.probed(first)
        assert of.same_probe() is first
    of.probed(first)
    assert of.same_probe() is None
    assert of.unprobed() is second
    of.probed(second)
    assert of.same_probe() is second  # the count is its own
    for _ in range(PROBES_OF_ONE - 1):
        of.probed(second)
    assert of.unprobed() is None
    of.begin_round()
    assert of.unprobed() is first


def test_the_oldest_probes_first_whatever_the_order_in_which_they_were_taken() -> None:
    of, (fifth, second, _) = flights(5, 2, 7)
    assert of.unprobed() is second
    of.probed(second)
    assert of.unprobed() is fifth


def test_what_is_in_the_air_or_has_landed_is_no_probe() -> None:
    of, (first, second) = flights(1, 2)
    of.depart(first)
    assert of.unprobed() is second
    of.arrive(first)
    of.probed(first)
    of.depart(first)
    assert of.same_probe() is None
    of.arrive(first)
    of.end(first)
    assert of.same_probe() is None


def test_a_probe_that_may_itself_be_the_fault_gives_way_at_once() -> None:
    of, (first, second) = flights(1, 2)
    of.probed(first)
    of.suspect_probe()
    assert of.same_probe() is None
    assert of.unprobed() is second
