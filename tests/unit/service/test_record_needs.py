"""What expressions look at beside the event, and what a record made from a file lacks of it."""

from __future__ import annotations

import pytest

from connector.model import Record
from connector.service.record_needs import RecordNeeds, lacks, needs_of

BARE = Record("orders", 0, 0, 0, None, b"{}", ())


@pytest.mark.parametrize(
    ("expressions", "needs"),
    [
        (["user.id", "topic()"], RecordNeeds()),
        (["header('a') == 'x'", "header('b') || header('a')"], RecordNeeds(headers=("a", "b"))),
        (["header(name)"], RecordNeeds(computed=True)),
        (["items[?id == key()]"], RecordNeeds(key=True)),
        (["let $t = timestamp() in $t // 60"], RecordNeeds(time=True)),
    ],
)
def test_what_expressions_look_at_is_found_wherever_it_stands(expressions: list[str], needs: RecordNeeds) -> None:
    assert needs_of(expressions) == needs


def said(needs: RecordNeeds, record: Record = BARE, *, has_time: bool = False) -> list[str]:
    return [str(problem) for problem in lacks(needs, record, has_time=has_time)]


def test_each_lack_names_the_option_that_gives_it() -> None:
    assert said(RecordNeeds(headers=("ce_type",))) == [
        "header('ce_type') is null: the event comes from a file without headers; give --header ce_type=… [no-headers]"
    ]
    (several,) = said(RecordNeeds(headers=("a", "b", "c")))
    assert several.startswith("header('a'), header('b') and header('c') are null")
    assert several.endswith("give --header a=… --header b=… --header c=… [no-headers]")
    assert said(RecordNeeds(computed=True, key=True, time=True)) == [
        "header() is null: the event comes from a file without headers; give --header NAME=VALUE [no-headers]",
        "key() is null: the event comes from a file without a key; give --key … [no-headers]",
        "timestamp() is the time of this preview: the event comes from a file; give --timestamp … [no-headers]",
    ]


def test_what_was_given_is_not_lacking() -> None:
    given = BARE._replace(key=b"k", headers=(("a", b"1"),))
    needs = RecordNeeds(headers=("a", "b"), computed=True, key=True, time=True)
    assert said(needs, given, has_time=True) == [
        "header('b') is null: the event comes from a file, and is given other headers; give --header b=… [no-headers]"
    ]
