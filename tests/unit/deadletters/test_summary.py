"""Groups: one cause each, counted by what became of its letters, never more than can be kept."""

from __future__ import annotations

from connector.deadletters.filters import LetterFilters
from connector.deadletters.index import LetterIndex
from connector.deadletters.receipts import LetterState, Receipt, Receipts
from connector.deadletters.summary import MAX_GROUPS, LetterGroup, LetterGroups
from connector.kafka.dead_letter import read_letter
from connector.model import Reason, Record, Stage
from tests.unit.deadletters.support import message, record


def summarised(messages: list[Record], receipts: Receipts | None = None) -> list[LetterGroup]:
    groups, index = LetterGroups(), LetterIndex(receipts or Receipts())
    for each in messages:
        letter = read_letter(each)
        assert letter is not None
        index.add_letter(letter, each.key, selected=True, group=groups.number_of(letter, each.value))
    return groups.count_letters(index)


def identity_of(written: Record) -> bytes:
    letter = read_letter(written)
    assert letter is not None
    return letter.identity


def test_letters_that_differ_in_values_are_one_group_shown_folded() -> None:
    (group,) = summarised([message(record(n), (0, n), text=f"order {n} is wrong", now=1e9 + n) for n in range(5)])
    assert (group.open, group.message, group.cause.message) == (5, "order <n> is wrong", "order <n> is wrong")
    assert (group.first_seen, group.last_seen, group.example) == (1e9, 1e9 + 4, (0, 0))


def test_a_message_that_all_share_is_shown_as_it_was_written() -> None:
    (group,) = summarised([message(record(n), (0, n), text="takes 1 to 255 characters") for n in range(5)])
    assert (group.message, group.cause.message) == ("takes 1 to 255 characters", "takes <n> to <n> characters")


def test_the_largest_group_comes_first_and_closed_letters_are_counted_apart() -> None:
    receipts = Receipts()
    for number, what in enumerate((LetterState.REPLAYED, LetterState.DISCARDED)):
        receipts.add_receipt(identity_of(message(record(number))), Receipt(what, 0.0, "", {0: number}))
    small = [message(record(100), (0, 100), reason=Reason.SCHEMA)]
    first, second = summarised(small + [message(record(n), (0, n)) for n in range(6)], receipts)
    assert (first.open, first.replayed, first.discarded, first.example) == (4, 1, 1, (0, 2))
    assert (second.open, second.cause.reason) == (1, "schema")


def test_a_group_is_skipped_where_an_operator_passed_over_all_of_it() -> None:
    letters = [message(record(n), (0, n), text="damaged", stage=Stage.SKIP) for n in range(2)]
    (group,) = summarised(letters)
    assert group.skipped
    (mixed,) = summarised([*letters, message(record(9), (0, 9), text="damaged")])
    assert not mixed.skipped


def test_a_letter_that_was_refused_again_is_in_its_new_group_alone() -> None:
    receipts = Receipts()
    receipts.add_receipt(identity_of(message(record())), Receipt(LetterState.REFUSED, 0.0, "", {0: 0}))
    old, new = message(record(), (0, 0)), message(record(), (0, 9), reason=Reason.REFUSED, replays=1)
    (group,) = summarised([old, new], receipts)
    assert (group.cause.reason, group.open, group.replayed) == ("refused", 1, 0)


def test_a_groups_filters_take_its_letters_and_no_others() -> None:
    messages = [
        message(record(1), (0, 1), text="it's 1"),
        message(record(2), (0, 2), text="it's 2", reason=Reason.REFUSED),
        message(record(3), (0, 3), text="it's 3", route=None, method=None),
        message(record(4, value=b"broken"), (0, 4), text="it's 4"),
    ]
    letters = [letter for each in messages if (letter := read_letter(each))]
    groups = summarised(messages)
    assert len(groups) == 4
    for group in groups:
        options = dict(zip(group.cause.filters[::2], group.cause.filters[1::2], strict=True))
        selection = LetterFilters(
            sinks=[options["--sink"]], methods=[options["--method"]], reasons=[options["--reason"]],
            messages=[options["--message"]], types=[options["--type"]], topics=[options["--topic"]],
        )  # fmt: skip
        taken = [each.place for each, of in zip(letters, messages, strict=True) if selection.match(each, of.value)]
        assert taken == [group.example]


def test_past_too_many_causes_the_rest_share_a_group() -> None:
    groups = LetterGroups()
    letter = read_letter(message(record()))
    assert letter is not None
    for number in range(MAX_GROUPS + 50):
        groups.number_of(letter, b'{"type":"t%d"}' % number)
    numbers = {groups.number_of(letter, b'{"type":"u%d"}' % number) for number in range(50)}
    assert numbers == {MAX_GROUPS}


def test_the_items_of_open_letters_are_counted_beside_them() -> None:
    text = "2 of 9 items failed; the first, 0: no id"
    several = [message(record(n), (0, n), text=text, item="0/0123abcd,7/0123abcd") for n in range(3)]
    one = message(record(8), (0, 8), text=text.replace("2", "1"), item="4/0123abcd")
    newer = message(record(8), (0, 9), text=text, item="4/0123abcd,5/0123abcd,6/0123abcd", now=1_700_000_200.0)
    (group,) = summarised([*several, one, newer])
    assert (group.open, group.open_items) == (4, 9)
