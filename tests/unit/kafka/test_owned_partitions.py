"""The partitions that are ours, and the topics that they are of."""

from __future__ import annotations

from connector.kafka.owned_partitions import OwnedPartitions
from connector.kafka.positions import StartingPoint

USERS, ORDERS = ("users", 0), ("orders", 0)


def point(topic: str = "users", partition: int = 0, offset: int = 7, leader_epoch: int = 2) -> StartingPoint:
    return StartingPoint(topic, partition, offset, "told", leader_epoch)


def test_each_epoch_has_a_number_of_its_own_and_the_newest_of_a_partition_counts() -> None:
    epochs = OwnedPartitions()
    first, second, third = (epochs.assign(each, "id") for each in (point(), point("orders"), point(offset=0)))
    assert first == (1, "users", 0, 7, "told", 2, "id", -1)
    assert (second.epoch, third.epoch) == (2, 3)
    assert epochs.epochs == {USERS: 3, ORDERS: 2}
    assert epochs.start_of(USERS) == (0, 2)


def test_where_only_the_first_record_has_the_position_there_is_none() -> None:
    epochs = OwnedPartitions()
    assert epochs.assign(point(offset=-2, leader_epoch=-1), "").position is None
    assert epochs.start_of(USERS) == (-2, -1)


def test_what_has_left_is_ours_no_more_and_what_never_was_does_no_harm() -> None:
    epochs = OwnedPartitions()
    epochs.assign(point(), "id")
    assert epochs.disown([USERS, ORDERS]) == {1}
    assert (epochs.epochs, epochs.topic_id(USERS), epochs.start_of(USERS)) == ({}, "", (-1, -1))
    epochs.set_start(USERS, 3, 4)
    assert epochs.start_of(USERS) == (-1, -1)
    assert epochs.assign(point(), "id").epoch == 2, "a number is given twice"


def test_an_epoch_that_is_read_from_elsewhere_stays_the_same_epoch() -> None:
    epochs = OwnedPartitions()
    epochs.assign(point(), "id")
    epochs.set_start(USERS, 300, 5)
    assert (epochs.start_of(USERS), epochs.topic_id(USERS), epochs.epochs) == ((300, 5), "id", {USERS: 1})


def test_what_is_known_of_a_topic_stays_when_its_partitions_leave() -> None:
    epochs = OwnedPartitions()
    epochs.assign(point(), "id")
    epochs.disown([USERS])
    epochs.assign(point(), "")
    assert (epochs.topic_ids, epochs.topic_id(USERS)) == ({"users": "id"}, "")


def test_an_id_is_given_to_the_epochs_that_had_none() -> None:
    epochs = OwnedPartitions()
    for partition, known in enumerate(["", "old", ""]):
        epochs.assign(point(partition=partition), known)
    epochs.assign(point("orders"), "")
    assert epochs.set_topic_id("users", "id") == {1, 3}
    assert [epochs.topic_id(("users", each)) for each in range(3)] == ["id", "old", "id"]
    assert epochs.topic_ids == {"users": "id", "orders": ""}
    assert epochs.set_topic_id("users", "id") == frozenset()
    assert epochs.set_topic_id("elsewhere", "id") == frozenset()
    assert "elsewhere" not in epochs.topic_ids


def test_where_a_log_was_truncated_goes_with_the_epoch() -> None:
    assert OwnedPartitions().assign(point(offset=400), "id", 400).truncated_at == 400


def reading(*ids: str) -> OwnedPartitions:
    """Partitions 0, 1, … of users, each read under one of these ids."""
    epochs = OwnedPartitions()
    for partition, known in enumerate(ids):
        epochs.assign(point(partition=partition), known)
    return epochs


def test_the_first_id_that_the_client_reports_is_that_of_epochs_without_one() -> None:
    epochs = reading("", "")
    epochs.assign(point("orders"), "")
    assert epochs.client_reads_topic_id("users", "id") == (frozenset({1, 2}), False)
    assert (epochs.client_topic_ids, epochs.topic_ids) == ({"users": "id"}, {"users": "id", "orders": ""})
    assert epochs.topic_id(ORDERS) == ""
    assert epochs.client_reads_topic_id("users", "id") == (frozenset(), False)


def test_the_id_that_is_read_already_is_no_news() -> None:
    epochs = reading("id")
    assert epochs.client_reads_topic_id("users", "id") == (frozenset(), False)
    assert epochs.unless_deleted("id") == "id"


def test_another_id_makes_the_one_that_is_read_a_past_one_and_leaves_the_epoch_to_it() -> None:
    epochs = reading("old", "new", "")
    assert epochs.client_reads_topic_id("users", "new", "old") == (frozenset({3}), True)
    assert [epochs.topic_id(("users", each)) for each in range(3)] == ["old", "new", "new"]
    assert (epochs.unless_deleted("old"), epochs.unless_deleted("new"), epochs.client_topic_ids) == (
        "",
        "new",
        {"users": "new"},
    )


def test_the_first_word_of_a_client_makes_no_id_a_past_one() -> None:
    """The broker that it asked may lag behind the one that reported the new topic."""
    epochs = reading("new")
    assert epochs.client_reads_topic_id("users", "old") == (frozenset(), True)
    assert (epochs.unless_deleted("new"), epochs.client_topic_ids) == ("new", {"users": "old"})
    assert epochs.client_reads_topic_id("users", "new", "old") == (frozenset(), False)
    assert (epochs.unless_deleted("old"), epochs.client_topic_ids) == ("", {"users": "new"})


def test_what_was_reported_and_never_read_is_a_past_id_too() -> None:
    epochs = OwnedPartitions()
    epochs.client_reads_topic_id("users", "old")
    assert epochs.client_reads_topic_id("users", "new", "old") == (frozenset(), False), "there are no epochs of it"
    assert (epochs.unless_deleted("old"), epochs.client_topic_ids) == ("", {"users": "new"})


def test_a_past_id_that_is_reported_again_is_not_taken_for_the_topics_and_fits_only_who_reads_it() -> None:
    """Brokers that lag behind report it, also for epochs without an id."""
    epochs = reading("old")
    epochs.client_reads_topic_id("users", "new", "old")
    assert epochs.client_reads_topic_id("users", "old") == (frozenset(), False)
    assert epochs.client_topic_ids == {"users": "new"}
    epochs.assign(point(), "new")
    epochs.assign(point(partition=1), "")
    assert epochs.client_reads_topic_id("users", "old") == (frozenset(), True)
    assert epochs.set_topic_id("users", "old") == frozenset()
    assert (epochs.client_topic_ids, epochs.topic_ids, epochs.topic_id(("users", 1))) == (
        {"users": "new"},
        {"users": "new"},
        "",
    )
    assert (epochs.unless_deleted("old"), epochs.unless_deleted("new")) == ("", "new")


def test_of_two_changes_in_a_row_the_last_id_counts() -> None:
    epochs = reading("first")
    told = (("second", "first"), ("third", "second"))
    assert [epochs.client_reads_topic_id("users", each, was)[1] for each, was in told] == [True, True]
    assert epochs.client_topic_ids == {"users": "third"}
    assert [epochs.unless_deleted(each) for each in ("first", "second", "third")] == ["", "", "third"]


def test_the_id_of_one_topic_says_nothing_of_another() -> None:
    epochs = reading("old")
    epochs.assign(point("orders"), "other")
    assert epochs.client_reads_topic_id("users", "new") == (frozenset(), True)
    assert (epochs.topic_id(ORDERS), epochs.unless_deleted("other")) == ("other", "other")
    assert epochs.client_reads_topic_id("orders", "other") == (frozenset(), False)


def test_what_was_reported_stays_when_the_partitions_leave() -> None:
    epochs = reading("old")
    epochs.client_reads_topic_id("users", "new", "old")
    epochs.disown([USERS])
    assert (epochs.client_topic_ids, epochs.topic_ids, epochs.unless_deleted("old")) == (
        {"users": "new"},
        {"users": "old"},
        "",
    )
