"""`dlq show` of whatever a letter may hold: it is shown, and nothing ends in a traceback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.cli._terminal import printable
from connector.cli.dlq_show import print_letter
from connector.cli.dlq_summary import print_summary, summary_json
from connector.config.load import load
from connector.deadletters.index import LetterIndex
from connector.deadletters.letter_history import RequestedReceipts, history_of
from connector.deadletters.receipts import Receipts
from connector.deadletters.scan import Scan
from connector.deadletters.summary import LetterGroups
from connector.kafka.dead_letter import REASON, failed_record, read_letter
from connector.kafka.letter_elements import name_elements
from connector.model import Record
from connector.service.command_input import OpenConfig
from connector.service.letter_report import report_letter
from tests.unit.deadletters import foreign
from tests.unit.deadletters.support import message, record

CONFIGURATION = """
kafka: {bootstrap.servers: "127.0.0.1:9"}
group: crm
dead_letters: dead
redact: [id]
topics: {events: {}, carts: {}}
sinks: {mytracker: {kind: mytracker, base_url: "http://127.0.0.1:9", app_id: 1, token: {env: TOKEN}}}
routes:
  - {name: mytracker.login, from: events, to: mytracker.login, fields: {customUserId: id, eventTimestamp: timestamp()}}
  - name: lines
    from: carts
    each: lines
    to: mytracker.customEvent
    fields: {customUserId: $.user, customEventName: sku}
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> OpenConfig:
    file = tmp_path_factory.mktemp("configuration") / "connector.yaml"
    file.write_text(CONFIGURATION)
    return OpenConfig(load(file), {}, Path("connector.yaml"))


@given(foreign.letters(), st.lists(foreign.receipts(), max_size=2))
def test_whatever_a_letter_holds_it_is_shown(context: OpenConfig, written: Record, values: list[bytes]) -> None:
    letter = read_letter(written)
    if letter is None:
        return
    known = RequestedReceipts()
    for value in values:
        known.apply_record(letter.identity, value, 0)
    report = report_letter(context, history_of([(letter, failed_record(letter, written))], known), lambda *_: None)
    orjson.dumps(report)
    print_letter(report)
    groups, index = LetterGroups(), LetterIndex(known.combined)
    index.add_letter(letter, written.key, selected=True, group=groups.number_of(letter, written.value))
    found = groups.count_letters(index)
    orjson.dumps(summary_json(context, found, found, Scan(index, known.combined, 0), 1, 0.0))
    print_summary(context, found, found, Scan(index, known.combined, 0), "")


def test_a_group_whose_reason_is_of_a_later_version_has_no_command_but_a_word(
    context: OpenConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    written = message(record())
    later = written._replace(headers=tuple((n, b"expired" if n == REASON else value) for n, value in written.headers))
    letter = read_letter(later)
    assert letter is not None
    groups, receipts = LetterGroups(), Receipts()
    index = LetterIndex(receipts)
    index.add_letter(letter, b"k", selected=True, group=groups.number_of(letter, later.value))
    found = groups.count_letters(index)
    print_summary(context, found, found, Scan(index, receipts, 0), "")
    said = capsys.readouterr().out
    assert "the reason is of a later version of the connector: replay them with that one" in said
    assert "dlq replay" not in said


def test_control_characters_of_a_record_are_escaped_on_the_terminal(
    context: OpenConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    driving = "\x1b[2J\r\n"
    failed = record(headers=((driving, driving.encode()),), key=driving.encode(), value=driving.encode())
    written = message(failed)
    letter = read_letter(written)
    assert letter is not None
    open_config = replace(context, settings=replace(context.settings, redact=()))
    history = history_of([(letter, failed_record(letter, written))], RequestedReceipts())
    print_letter(report_letter(open_config, history, lambda *_: None))
    said = capsys.readouterr().out
    assert r"  \x1b[2J\r\n: \x1b[2J\r\n" in said
    assert not {"\x1b", "\r"} & set(said)


def test_text_in_any_language_is_printed_as_it_is() -> None:
    assert printable("Аня\u00a0Ж. 👩\u200d💻") == "Аня\u00a0Ж. 👩\u200d💻"
    assert printable("\u202eexe.txt\x9b\ud800") == r"\u202eexe.txt\x9b\ud800"


def test_the_items_of_a_letter_are_shown_by_their_index_and_without_digests(
    context: OpenConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [{"sku": "a"}, {"no": 1}, {"sku": "c"}]
    failed = record(value=orjson.dumps({"user": 1, "lines": lines}))._replace(topic="carts")
    written = message(failed, route="lines", method="customEvent", item=name_elements(lines, [1, 2]))
    letter = read_letter(written)
    assert letter is not None
    report = report_letter(context, history_of([(letter, failed)], RequestedReceipts()), lambda *_: None)
    assert report["items"] == [1, 2]
    assert (report["today"]["accepted"], report["today"]["obstacle"]) == (
        False,
        "1 of 2 items: unmappable: customEventName is missing or null: customEvent requires it",
    )
    assert [item["item"] for item in report["today"]["items"]] == [2]
    print_letter(report)
    said = capsys.readouterr().out
    assert "  items   1, 2\n" in said
    assert "would send this as customEvent, by route lines, item 2, 42 bytes:" in said
    assert "still fails: 1 of 2 items: unmappable: customEventName is missing or null: customEvent requires it" in said
    assert letter.item.partition("/")[2][:8] not in said


def test_of_many_items_the_first_are_shown(context: OpenConfig, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"sku": str(number)} for number in range(600)]
    failed = record(value=orjson.dumps({"user": 1, "lines": lines}))._replace(topic="carts")
    written = message(failed, route="lines", method="customEvent", item=name_elements(lines, range(600)))
    letter = read_letter(written)
    assert letter is not None
    print_letter(report_letter(context, history_of([(letter, failed)], RequestedReceipts()), lambda *_: None))
    said = capsys.readouterr().out
    assert "  items   0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 588 more\n" in said
    assert "… and 580 items more: dlq show --json has them" in said
