"""The partitions that are ours, and the topics that they are of."""

from __future__ import annotations

from connector.kafka.claims import Claims
from connector.kafka.positions import StartingPoint

USERS, ORDERS = ("users", 0), ("orders", 0)


def point(topic: str = "users", partition: int = 0, offset: int = 7, epoch: int = 2) -> StartingPoint:
    return StartingPoint(topic, partition, offset, "told", epoch)


def test_each_claim_has_a_number_of_its_own_and_the_newest_of_a_partition_stands() -> None:
    claims = Claims()
    first, second, third = (claims.add(each, "id") for each in (point(), point("orders"), point(offset=0)))
    assert first == (1, "users", 0, 7, "told", 2, "id")
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


def test_partitions_are_read_under_another_id_only_where_one_is_known() -> None:
    claims = Claims()
    for partition, known in enumerate(["", "old", "new"]):
        claims.add(point(partition=partition), known)
    assert claims.read_under_another("users", "new") == [("users", 1)]
    assert claims.read_under_another("orders", "new") == []


def test_an_id_of_a_topic_that_is_gone_means_nothing_any_more() -> None:
    """Brokers that lag behind still tell it, to claims without an id, too."""
    claims = Claims()
    claims.add(point(), "new")
    claims.add(point(partition=1), "")
    claims.forsake("old")
    assert (claims.current("old"), claims.current("new")) == ("", "new")
    assert claims.read_under_another("users", "old") == ()
    assert claims.identify("users", "old") == frozenset()
    assert (claims.topics, claims.topic_id(("users", 1))) == ({"users": "new"}, "")
