"""The demo's reconciliation finds whatever is lost, doubled, changed, out of order or not committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from connector.kafka.dead_letter import compose_letter
from connector.model import Failure, Reason, Record, Stage
from connector.simulators.demo.reconciliation import Evidence, Produced, ReadLetter, SinkCounts, reconcile
from connector.simulators.demo.samples import (
    GAME,
    MYTRACKER,
    PARTITIONS,
    ExpectedOutcome,
    SampleEvent,
    content,
    samples,
)


def sample(number: int, key: bytes, fate: ExpectedOutcome) -> SampleEvent:
    return SampleEvent(GAME, key, b"event %d" % number, (("trace", b"%d" % number), ("none", None)), (fate,))


def item(number: int) -> bytes:
    return content("customEvent", {"n": number})


PRODUCED = [
    Produced(sample(0, b"a", ExpectedOutcome(MYTRACKER, "play", item(0))), 0, 0),
    Produced(sample(1, b"a", ExpectedOutcome(MYTRACKER, "play", item(1))), 0, 1),
    Produced(sample(2, b"b", ExpectedOutcome(MYTRACKER, "play", item(2))), 0, 2),
    Produced(sample(3, b"b", ExpectedOutcome(MYTRACKER, "play", reason=Reason.REFUSED)), 0, 3),
    Produced(sample(4, b"b", ExpectedOutcome(MYTRACKER, reason=Reason.UNDECODABLE)), 0, 4),
    Produced(sample(5, b"b", ExpectedOutcome(MYTRACKER)), 0, 5),
]


def letter(produced: Produced, *, reason: Reason | None = None, value: bytes | None = None) -> ReadLetter:
    of, fate = produced.sample, produced.sample.fates[0]
    record = Record(of.topic, produced.partition, produced.offset, 0, of.key, value or of.value, of.headers)
    failure = Failure(record, reason or fate.reason or Reason.REFUSED, Stage.SEND, "no", fate.route)
    made = compose_letter(failure, group="g", sink=MYTRACKER, now=0.0)
    headers = tuple((name, text.encode() if isinstance(text, str) else text) for name, text in made.headers)
    return ReadLetter(made.key, made.value, headers)


LETTERS = [letter(PRODUCED[3]), letter(PRODUCED[4])]
RIGHT = Evidence(
    SinkCounts(6, 3, {Reason.REFUSED: 1, Reason.UNDECODABLE: 1}, 1),
    [item(0), item(1), item(2)],
    LETTERS,
    {(GAME, 0): 6},
    {(GAME, 0): 6},
)


def mistakes(evidence: Evidence) -> list[str]:
    return [mistake for finding in reconcile(MYTRACKER, PRODUCED, evidence) for mistake in finding.mistakes]


def test_nothing_is_said_against_what_is_right() -> None:
    assert mistakes(RIGHT) == []


@pytest.mark.parametrize(
    ("accepted", "mistake"),
    [
        ([0, 1], ["not delivered game.events/0/2"]),
        ([0, 1, 2, 2], ["delivered once too often or with other content game.events/0/2"]),
        ([0, 1, 2, 9], ["delivered once too often or with other content of no event that was produced"]),
        ([1, 0, 2], ["out of order key a of game.events"]),
        ([2, 0, 1], []),  # keys may overtake each other
    ],
)
def test_the_ledger_holds_each_event_once_in_the_order_of_its_key(accepted: Sequence[int], mistake: list[str]) -> None:
    assert mistakes(replace(RIGHT, accepted=[item(number) for number in accepted])) == mistake


@pytest.mark.parametrize(
    ("letters", "mistake"),
    [
        (LETTERS[:1], "no letter for game.events/0/4"),
        ([*LETTERS, LETTERS[0]], "more than one letter for game.events/0/3"),
        ([*LETTERS, letter(PRODUCED[5])], "a letter that is not expected: game.events/0/5"),
        ([letter(PRODUCED[3], reason=Reason.POISON), LETTERS[1]], "another reason than expected: game.events/0/3"),
        ([letter(PRODUCED[3], value=b"x"), LETTERS[1]], "not the original's bytes: game.events/0/3"),
        ([LETTERS[0]._replace(key=None), LETTERS[1]], "not the original's bytes: game.events/0/3"),
        (
            [LETTERS[0]._replace(headers=LETTERS[0].headers[1:]), LETTERS[1]],
            "not the original's bytes: game.events/0/3",
        ),
    ],
)
def test_each_dead_letter_is_there_once_as_it_came(letters: Sequence[ReadLetter], mistake: str) -> None:
    assert mistakes(replace(RIGHT, letters=letters)) == [mistake]


def test_counts_must_add_up_and_be_those_of_what_was_produced() -> None:
    counts = replace(RIGHT.counts, delivered=2)
    assert mistakes(replace(RIGHT, counts=counts)) == [
        "read 6, and 5 are accounted for",
        "delivered: 2 counted, 3 produced",
    ]


def test_an_offset_short_of_the_end_or_missing_is_found() -> None:
    evidence = replace(RIGHT, committed={(GAME, 0): 5}, ends={(GAME, 0): 6, (GAME, 1): 2})
    assert mistakes(evidence) == [
        "game.events/0: committed 5, ends at 6",
        "game.events/1: nothing committed, ends at 2",
    ]


def test_many_mistakes_are_named_by_three_and_counted() -> None:
    accepted = [content("login", {"n": number}) for number in range(9)]
    assert mistakes(replace(RIGHT, accepted=accepted))[1].endswith("produced and 6 more")


def test_the_samples_are_the_same_each_time_and_each_thousand_holds_every_reason() -> None:
    made = samples(1000)
    assert made == samples(1000)
    reasons = {fate.reason for each in made for fate in each.fates}
    assert reasons == {
        None,
        Reason.UNDECODABLE,
        Reason.SCHEMA,
        Reason.UNMAPPABLE,
        Reason.OVERSIZE,
        Reason.REFUSED,
    }
    assert len({id(each) for each in made}) == 996  # four were written twice
    assert all(each.partition(number) < PARTITIONS[each.topic] for number, each in enumerate(made))
