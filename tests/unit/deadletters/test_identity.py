"""Which letters are one: those of one event, one sink and one route, and never those of two lives of a topic.

"The older version" here is one that knows the first kind of identity alone: it reads a letter without its header
`connector.identity`, and its receipts lie under the older key.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters.index import LetterIndex
from connector.deadletters.letter_history import RequestedReceipts, history_of
from connector.deadletters.receipts import LetterState, Receipt, Receipts
from connector.kafka.dead_letter import DeadLetter, failed_record, fingerprint, read_letter
from connector.model import Headers, Record
from tests.unit.deadletters.support import message, record

# One address in a topic that was deleted and created again: two events.
ONE, OTHER = record(value=b'{"id":1}'), record(value=b'{"id":2}')


def letter(
    failed: Record, offset: int = 0, *, route: str | None = "login", identity: int = 2, replays: int = 0
) -> DeadLetter:
    found = read_letter(message(failed, (0, offset), route=route, identity=identity, replays=replays))
    assert found is not None
    return found


def opened(receipts: Receipts, *letters: DeadLetter) -> list[int]:
    """Return the offsets of the newest letters that are open."""
    index = LetterIndex(receipts)
    for each in letters:
        index.add_letter(each, b"k", selected=True)
    return [index.newest_location(row).offset for row in index.rows()]


def closed_by_the_older_version(letter: DeadLetter, up_to: int) -> Receipts:
    """Return the receipt of an older version, to which all letters of this address are the same."""
    receipts = Receipts()
    key = letter.older_identity_by(letter.route)
    receipts.add_receipt(key, Receipt(LetterState.REPLAYED, 1.0, letter.place.address("dead"), {0: up_to}))
    return receipts


headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=4).map(tuple)
bodies = st.none() | st.binary(max_size=9)


@given(headers, bodies, bodies, st.integers(-(2**63), 2**63 - 1))
def test_an_event_has_the_same_identity_however_often_its_letters_are_written_and_read(
    brought: Headers, key: bytes | None, value: bytes | None, timestamp: int
) -> None:
    failed = record(headers=brought, key=key, value=value, timestamp=timestamp)
    first = message(failed, (0, 3))
    read = read_letter(first)
    assert read is not None
    assert read.fingerprint == fingerprint(failed)
    again = read_letter(message(failed_record(read, first), (1, 9), replays=1))
    assert again is not None
    assert again.identity == read.identity


def test_of_an_event_whose_headers_cannot_all_be_represented_the_letter_has_the_same_identity() -> None:
    damaged = record(headers=(("kept", b"1"),))._replace(damage="a header's name is not UTF-8")
    assert letter(damaged).identity == letter(record(headers=(("kept", b"1"),))).identity
    assert letter(damaged).fingerprint == fingerprint(damaged)


def test_events_that_differ_in_anything_differ_in_their_fingerprints() -> None:
    events = [
        record(), record(timestamp=5), record(timestamp=-1), record(key=None), record(key=b""), record(value=None),
        record(value=b""), record(key=b"ab", value=b"c"), record(key=b"a", value=b"bc"), record(headers=(("a", None),)),
        record(headers=(("a", b""),)), record(headers=(("ab", b"c"),)), record(headers=(("a", b"bc"),)),
        record(headers=(("a", b"1"), ("b", b"2"))), record(headers=(("b", b"2"), ("a", b"1"))),
    ]  # fmt: skip
    assert len({fingerprint(each) for each in events}) == len(events)


names = st.text(st.sampled_from("a1-_"), min_size=1, max_size=3)
routes = st.none() | st.text(st.sampled_from("a1/:-"), max_size=9) | st.just(fingerprint(record()))
parts = st.tuples(
    names, st.integers(0, 2), st.integers(0, 12), names, routes, st.sampled_from(["", "0123abcd", "a1a1a1a1"])
)


@given(parts, parts)
def test_no_two_identities_read_the_same_whatever_their_routes_are_called(
    one: tuple[str, int, int, str, str | None, str], other: tuple[str, int, int, str, str | None, str]
) -> None:
    def key(topic: str, partition: int, offset: int, sink: str, route: str | None, mark: str) -> bytes:
        like = letter(record())
        return like._replace(
            topic=topic, partition=partition, offset=offset, sink=sink, route=route, fingerprint=mark
        ).identity

    assert (key(*one) == key(*other)) == (one == other)


def test_letters_of_two_lives_of_a_topic_are_two_and_close_each_other_never() -> None:
    earlier, later = letter(ONE, 0), letter(OTHER, 7)
    assert opened(Receipts(), earlier, later) == [0, 7]
    for one, other in ((earlier, later), (later, earlier)):
        receipts = Receipts()
        receipts.add_receipt(one.identity, Receipt(LetterState.REPLAYED, 1.0, one.place.address("dead"), {0: 50}))
        assert opened(receipts, earlier, later) == [other.place.offset]


def test_what_one_route_has_done_of_a_letter_is_not_done_for_the_topics_other_life() -> None:
    earlier, later = letter(ONE, 0, route=None), letter(OTHER, 7, route=None)
    receipts = Receipts()
    receipts.add_receipt(later.identity_by("login"), Receipt(LetterState.REPLAYED, 1.0, "dead/0/7", {0: 7}))
    assert receipts.state_of(later, "login") is LetterState.REPLAYED
    assert receipts.state_of(later, "other") is LetterState.OPEN
    assert receipts.state_of(earlier, "login") is LetterState.OPEN


def test_a_letter_of_an_older_version_keeps_its_identity() -> None:
    older = letter(ONE, 3, identity=1)
    assert older.identity == b"events/3/7/mytracker/login"
    assert opened(closed_by_the_older_version(older, 3), older) == []


def test_an_older_letter_that_is_refused_again_is_open_under_its_new_identity_in_both_versions() -> None:
    """The new letter's receipt closes what the old one's did, at its own offsets."""
    old, new = letter(ONE, 3, identity=1), letter(ONE, 9, replays=1)
    receipts = Receipts()
    receipts.add_receipt(old.identity, Receipt(LetterState.REFUSED, 1.0, old.place.address("dead"), {0: 3}))
    assert opened(receipts, old, new) == [9]
    assert opened(receipts, old, letter(ONE, 9, identity=1, replays=1)) == [9], "to the older version"


def test_a_letter_that_an_older_version_has_delivered_is_closed() -> None:
    later = letter(OTHER, 7)
    assert opened(closed_by_the_older_version(later, 7), later) == []


def test_what_an_older_version_has_delivered_closes_no_letter_of_the_topics_other_life() -> None:
    """It took the two for one, and sent the newer of them alone."""
    earlier, later = letter(ONE, 0), letter(OTHER, 7)
    assert opened(closed_by_the_older_version(later, 7), earlier, later) == [0]


def test_what_an_older_version_has_delivered_by_one_route_is_not_sent_by_it_again() -> None:
    earlier, later = letter(ONE, 0, route=None), letter(OTHER, 7, route=None)
    receipts = Receipts()
    receipts.add_receipt(later.older_identity_by("login"), Receipt(LetterState.REPLAYED, 1.0, "dead/0/7", {0: 7}))
    assert receipts.state_of(later, "login") is LetterState.REPLAYED
    assert receipts.state_of(earlier, "login") is LetterState.OPEN


def test_what_an_older_version_was_refused_is_open_as_the_letter_that_it_wrote() -> None:
    mine, its = letter(ONE, 3), letter(ONE, 9, identity=1, replays=1)
    receipts = Receipts()
    receipts.add_receipt(mine.older_identity_by("login"), Receipt(LetterState.REFUSED, 1.0, "dead/0/3", {0: 3}))
    assert opened(receipts, mine, its) == [9]


def test_a_letter_that_is_written_after_an_older_versions_receipt_is_open() -> None:
    assert opened(closed_by_the_older_version(letter(ONE, 3), 3), letter(ONE, 3), letter(ONE, 9)) == [9]


def test_a_history_has_the_receipts_that_speak_of_its_letters_whichever_version_wrote_them() -> None:
    earlier, later = letter(ONE, 0), letter(OTHER, 7)
    known = RequestedReceipts()
    by_the_older = Receipt(LetterState.REPLAYED, 1.0, "dead/0/7", {0: 7})
    known.apply_record(later.older_identity_by("login"), by_the_older.encode(), 0)
    shown = history_of([(later, OTHER)], known)
    assert (shown.state, shown.receipts) == (LetterState.REPLAYED, [by_the_older])
    shown = history_of([(earlier, ONE)], known)
    assert (shown.state, shown.receipts) == (LetterState.OPEN, [])
