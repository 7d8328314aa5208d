"""The partitions that are ours, and the topics that they are of."""

from __future__ import annotations

from connector.kafka.owned_partitions import Claims
from connector.kafka.positions import StartingPoint

USERS, ORDERS = ("users", 0), ("orders", 0)


def point(topic: str = "users", partition: int = 0, offset: int = 7, epoch: int = 2) -> StartingPoint:
    return StartingPoint(topic, partition, offset, "told", epoch)


def test_each_claim_has_a_number_of_its_own_and_the_newest_of_a_partition_stands() -> None:
    claims = Claims()
    first, second, third = (claims.add(each, "id") for each in (point(), point("orders"), point(offset=0)))
    assert first == (1, "users", 0, 7, "told", 2, "id", -1)
    assert (second.claim, third.claim) == (2, 3)
    assert claims.numbers == {USERS: 3, ORDERS: 2}
    assert claims.began_at(USERS) == (0, 2)


def test_where_only_the_first_record_tells_the_position_there_is_none() -> None:
    claims = Claims()
    assert claims.add(point(offset=-2, epoch=-1), "").position is None
    assert claims.began_at(USERS) == (-2, -1)


def test_what_has_left_is_ours_no_more_and_what_never_was_does_no_harm() -> None:
    claims = Claims()
    claims.add(point(), "id")
    assert claims.remove([USERS, ORDERS]) == {1}
    assert (claims.numbers, claims.topic_id(USERS), claims.began_at(USERS)) == ({}, "", (-1, -1))
    claims.move(USERS, 3, 4)
    assert claims.began_at(USERS) == (-1, -1)
    assert claims.add(point(), "id").claim == 2, "a number is given twice"


def test_a_claim_that_is_read_from_elsewhere_stays_the_same_claim() -> None:
    claims = Claims()
    claims.add(point(), "id")
    claims.move(USERS, 300, 5)
    assert (claims.began_at(USERS), claims.topic_id(USERS), claims.numbers) == ((300, 5), "id", {USERS: 1})


def test_what_is_known_of_a_topic_stays_when_its_partitions_leave() -> None:
    claims = Claims()
    claims.add(point(), "id")
    claims.remove([USERS])
    claims.add(point(), "")
    assert (claims.topics, claims.topic_id(USERS)) == ({"users": "id"}, "")


def test_an_id_is_given_to_the_claims_that_had_none() -> None:
    claims = Claims()
    for partition, known in enumerate(["", "old", ""]):
        claims.add(point(partition=partition), known)
    claims.add(point("orders"), "")
    assert claims.identify("users", "id") == {1, 3}
    assert [claims.topic_id(("users", each)) for each in range(3)] == ["id", "old", "id"]
    assert claims.topics == {"users": "id", "orders": ""}
    assert claims.identify("users", "id") == frozenset()
    assert claims.identify("elsewhere", "id") == frozenset()
    assert "elsewhere" not in claims.topics


def test_where_a_log_was_truncated_goes_with_the_claim() -> None:
    assert Claims().add(point(offset=400), "id", 400).cut_at == 400


def reading(*ids: str) -> Claims:
    """Partitions 0, 1, … of users, each read under one of these ids."""
    claims = Claims()
    for partition, known in enumerate(ids):
        claims.add(point(partition=partition), known)
    return claims


def test_the_first_id_that_the_client_tells_is_that_of_claims_without_one() -> None:
    claims = reading("", "")
    claims.add(point("orders"), "")
    assert claims.hear("users", "id") == (frozenset({1, 2}), False)
    assert (claims.told, claims.topics) == ({"users": "id"}, {"users": "id", "orders": ""})
    assert claims.topic_id(ORDERS) == ""
    assert claims.hear("users", "id") == (frozenset(), False)


def test_the_id_that_is_read_already_is_no_news() -> None:
    claims = reading("id")
    assert claims.hear("users", "id") == (frozenset(), False)
    assert claims.current("id") == "id"


def test_another_id_makes_the_one_that_is_read_a_past_one_and_leaves_the_claim_to_it() -> None:
    claims = reading("old", "new", "")
    assert claims.hear("users", "new", "old") == (frozenset({3}), True)
    assert [claims.topic_id(("users", each)) for each in range(3)] == ["old", "new", "new"]
    assert (claims.current("old"), claims.current("new"), claims.told) == ("", "new", {"users": "new"})


def test_the_first_word_of_a_client_makes_no_id_a_past_one() -> None:
    """The broker that it asked may lag behind the one that told us of the new topic."""
    claims = reading("new")
    assert claims.hear("users", "old") == (frozenset(), True)
    assert (claims.current("new"), claims.told) == ("new", {"users": "old"})
    assert claims.hear("users", "new", "old") == (frozenset(), False)
    assert (claims.current("old"), claims.told) == ("", {"users": "new"})


def test_what_was_told_and_never_read_is_a_past_id_too() -> None:
    claims = Claims()
    claims.hear("users", "old")
    assert claims.hear("users", "new", "old") == (frozenset(), False), "there are no claims of it"
    assert (claims.current("old"), claims.told) == ("", {"users": "new"})


def test_a_past_id_that_is_told_again_is_not_taken_for_the_topics_and_fits_only_who_reads_it() -> None:
    """Brokers that lag behind tell it, to claims without an id, too."""
    claims = reading("old")
    claims.hear("users", "new", "old")
    assert claims.hear("users", "old") == (frozenset(), False)
    assert claims.told == {"users": "new"}
    claims.add(point(), "new")
    claims.add(point(partition=1), "")
    assert claims.hear("users", "old") == (frozenset(), True)
    assert claims.identify("users", "old") == frozenset()
    assert (claims.told, claims.topics, claims.topic_id(("users", 1))) == ({"users": "new"}, {"users": "new"}, "")
    assert (claims.current("old"), claims.current("new")) == ("", "new")


def test_of_two_changes_in_a_row_the_last_id_stands() -> None:
    claims = reading("first")
    told = (("second", "first"), ("third", "second"))
    assert [claims.hear("users", each, was)[1] for each, was in told] == [True, True]
    assert claims.told == {"users": "third"}
    assert [claims.current(each) for each in ("first", "second", "third")] == ["", "", "third"]


def test_the_id_of_one_topic_says_nothing_of_another() -> None:
    claims = reading("old")
    claims.add(point("orders"), "other")
    assert claims.hear("users", "new") == (frozenset(), True)
    assert (claims.topic_id(ORDERS), claims.current("other")) == ("other", "other")
    assert claims.hear("orders", "other") == (frozenset(), False)


def test_what_was_told_stays_when_the_partitions_leave() -> None:
    claims = reading("old")
    claims.hear("users", "new", "old")
    claims.remove([USERS])
    assert (claims.told, claims.topics, claims.current("old")) == ({"users": "new"}, {"users": "old"}, "")
