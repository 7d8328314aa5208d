"""`dlq show` of whatever a letter may hold: it is shown, and nothing ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.cli import dlq_show, dlq_summary
from connector.cli.dlq_options import Context, clock_time
from connector.config.load import load
from connector.deadletters.index import Index
from connector.deadletters.letter_history import Known, history_of
from connector.deadletters.receipts import Receipts
from connector.deadletters.scan import Scan
from connector.deadletters.summary import Groups
from connector.kafka.dead_letter import REASON, failed_record, read_letter
from connector.model import Record
from tests.unit.deadletters import foreign
from tests.unit.deadletters.support import message, record

CONFIGURATION = """
kafka: {bootstrap.servers: "127.0.0.1:9"}
group: crm
dead_letters: dead
redact: [id]
topics: {events: {}}
sinks: {mytracker: {kind: mytracker, base_url: "http://127.0.0.1:9", app_id: 1, token: {env: TOKEN}}}
routes:
  - {name: mytracker.login, from: events, to: mytracker.login, fields: {customUserId: id, eventTimestamp: timestamp()}}
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    file = tmp_path_factory.mktemp("configuration") / "connector.yaml"
    file.write_text(CONFIGURATION)
    return Context(load(file), {}, Path("connector.yaml"))


@given(foreign.letters(), st.lists(foreign.receipts(), max_size=2))
def test_whatever_a_letter_holds_it_is_shown(context: Context, written: Record, values: list[bytes]) -> None:
    letter = read_letter(written)
    if letter is None:
        return
    known = Known()
    for value in values:
        known.add(letter.identity, value, 0)
    told = dlq_show._described(context, history_of([(letter, failed_record(letter, written))], known))
    orjson.dumps(told)
    dlq_show._say(told)
    groups, index = Groups(), Index(known.together)
    index.add(letter, written.key, taken=True, group=groups.number(letter, written.value))
    found = groups.counted(index)
    orjson.dumps(dlq_summary._as_json(context, found, found, Scan(index, 0), 1, 0.0))
    dlq_summary._say(context, found, found, Scan(index, 0), "")


def test_a_group_whose_reason_is_of_a_later_version_has_no_command_but_a_word(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    written = message(record())
    later = written._replace(headers=tuple((n, b"expired" if n == REASON else value) for n, value in written.headers))
    letter = read_letter(later)
    assert letter is not None
    groups, index = Groups(), Index(Receipts())
    index.add(letter, b"k", taken=True, group=groups.number(letter, later.value))
    found = groups.counted(index)
    dlq_summary._say(context, found, found, Scan(index, 0), "")
    said = capsys.readouterr().out
    assert "the reason is of a later version of the connector: replay them with that one" in said
    assert "dlq replay" not in said


@pytest.mark.parametrize("milliseconds", [-(2**63), -(10**15), 10**15, 2**63 - 1])
def test_a_time_beyond_the_calendar_is_shown_as_such(milliseconds: int) -> None:
    assert clock_time(milliseconds / 1000).endswith(" s from 1970, beyond the calendar")
