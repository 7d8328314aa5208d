"""The flights: what is in the air and what is held, which goes next, and which probes."""

from __future__ import annotations

from connector.batching.batcher import Batch
from connector.delivery.unsettled_batches import PROBES_OF_ONE, UnsettledBatch, UnsettledBatches
from connector.model import Item, Record


def batch(number: int, *epochs: int) -> Batch:
    made = Batch(number, "login", 2)
    made.items += [
        Item(Record("users", 0, offset, 0, b"k", b"", (), epoch), "r", "login", b"{}")
        for offset, epoch in enumerate(epochs or (1,))
    ]
    return made


def flights(*numbers: int) -> tuple[UnsettledBatches, list[UnsettledBatch]]:
    of = UnsettledBatches()
    return of, [of.add(batch(number)) for number in numbers]


def test_a_batch_awaits_its_retry_until_it_is_started_and_again_when_it_is_finished() -> None:
    of, (first, second) = flights(1, 2)
    assert (len(of), of.awaiting_retry, first.in_flight, first.retry_at) == (2, 2, False, 0.0)
    of.start(first)
    assert (len(of), of.awaiting_retry, first.in_flight) == (2, 1, True)
    of.finish(first)
    assert (len(of), of.awaiting_retry, first.in_flight) == (2, 2, False)
    of.remove(first)
    assert (len(of), of.awaiting_retry) == (1, 1)
    of.remove(second)
    assert (len(of), of.awaiting_retry) == (0, 0)


def test_only_what_is_held_is_forgotten_and_what_is_empty_then_is_returned() -> None:
    of = UnsettledBatches()
    gone, mixed, airborne = of.add(batch(1, 1, 1)), of.add(batch(2, 1, 2)), of.add(batch(3, 1))
    of.start(airborne)
    dropped, empty = of.drop_awaiting_retry(lambda item: item.record.assignment_epoch == 1)
    assert ([item.record.assignment_epoch for item in dropped], empty) == ([1, 1, 1], [gone])
    assert [item.record.assignment_epoch for item in mixed.sub_batches.items()] == [2]
    assert len(airborne.sub_batches.items()) == 1


def test_items_are_counted_in_flight_by_epoch_and_on_the_ground() -> None:
    of = UnsettledBatches()
    halved = of.add(batch(1, 1, 1, 2, 2))
    of.add(batch(2, 3))
    halved.sub_batches.halve()
    assert (of.items_in_flight(), of.items_awaiting_retry()) == (0, 5)
    of.start(halved)  # its first half: two items of epoch 1
    assert (of.items_in_flight(), of.items_in_flight({1}), of.items_in_flight({2}), of.items_in_flight({1, 2})) == (
        2,
        2,
        0,
        2,
    )
    assert of.items_awaiting_retry() == 3
    of.finish(halved)
    halved.sub_batches.settle_current()
    assert of.items_awaiting_retry() == 3
    assert of.epochs() == {1, 2, 3}  # what of a batch is settled counts until all of it is


def test_what_is_held_goes_when_its_time_has_come() -> None:
    of, (airborne, later, due) = flights(1, 2, 3)
    of.start(airborne)
    later.retry_at, due.retry_at = 9.0, 5.0
    assert of.next_retry() == 5.0
    assert of.due_for_retry(4.9) is None
    assert of.due_for_retry(5.0) is due
    assert of.due_for_retry(9.0) is later  # in the order in which they were taken
    for flight in (later, due):
        of.start(flight)
    assert of.next_retry() is None
    assert of.due_for_retry(100.0) is None


def test_when_the_vendor_answers_again_all_that_is_held_may_go() -> None:
    of, (first, second) = flights(1, 2)
    first.retry_at = second.retry_at = 60.0
    of.record_probe(second)
    of.retry_all()
    assert (of.next_retry(), of.due_for_retry(0.0), of.next_probe()) == (0.0, first, first)


def test_one_flight_probes_three_times_in_a_row_and_then_the_next_oldest() -> None:
    of, (first, second) = flights(1, 2)
    assert of.probe_to_repeat() is None
    assert of.next_probe() is first
    for _ in range(PROBES_OF_ONE - 1):
        of.record_probe(first)
        assert of.probe_to_repeat() is first
    of.record_probe(first)
    assert of.probe_to_repeat() is None
    assert of.next_probe() is second
    of.record_probe(second)
    assert of.probe_to_repeat() is second  # the count is its own
    for _ in range(PROBES_OF_ONE - 1):
        of.record_probe(second)
    assert of.next_probe() is None
    of.restart_probing()
    assert of.next_probe() is first


def test_the_oldest_probes_first_whatever_the_order_in_which_they_were_taken() -> None:
    of, (fifth, second, _) = flights(5, 2, 7)
    assert of.next_probe() is second
    of.record_probe(second)
    assert of.next_probe() is fifth


def test_what_is_in_flight_or_has_landed_is_no_probe() -> None:
    of, (first, second) = flights(1, 2)
    of.start(first)
    assert of.next_probe() is second
    of.finish(first)
    of.record_probe(first)
    of.start(first)
    assert of.probe_to_repeat() is None
    of.finish(first)
    of.remove(first)
    assert of.probe_to_repeat() is None


def test_a_probe_that_may_itself_be_the_fault_gives_way_at_once() -> None:
    of, (first, second) = flights(1, 2)
    of.record_probe(first)
    of.rule_out_last_probe()
    assert of.probe_to_repeat() is None
    assert of.next_probe() is second
