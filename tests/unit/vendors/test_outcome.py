"""Whose fault an answer is: every row of the contract's table, for both vendors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.http.client import Answer
from connector.model import ACCEPTED, Outcome, OutcomeKind
from connector.redaction.vendor_messages import clean_vendor_message
from connector.vendors.mytracker.vendor import MYTRACKER
from connector.vendors.outcome import judge_unreadable, presentable, retry_after
from connector.vendors.sailplay import exchange as sailplay
from connector.vendors.sailplay.vendor import SAILPLAY
from tests.support.sinks import mytracker_settings, sailplay_settings

NOW = 1_700_000_000.0
TOKEN = {"env": "TOKEN_OF_TEST"}
EXCHANGES = {
    "mytracker": MYTRACKER.exchange(mytracker_settings("https://m.test", TOKEN)),
    "sailplay": SAILPLAY.exchange(sailplay_settings("https://s.test", TOKEN, retry_codes={"-4000": "10m"})),
}
OK = {"mytracker": {"message": "\u041eK"}, "sailplay": {"status": "ok"}}
ERROR = {"error": "Bad Request"}
HTML = b"<html><body>Gateway</body></html>"


def judge_without_body(kind: str, status: int) -> Outcome:
    answer = Answer(status, httpx.Headers({"retry-after": "7"}), b"", unreadable="the answer broke off")
    outcome = judge_unreadable(answer, lambda answer: EXCHANGES[kind].judge(answer, 1))
    return presentable(outcome, answer, (), NOW)


def judge(kind: str, status: int, body: Any = b"", **headers: str) -> Outcome:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = Answer(status, httpx.Headers({k.replace("_", "-"): v for k, v in headers.items()}), content)
    outcome = EXCHANGES[kind].judge(answer, 1)
    return outcome if outcome is ACCEPTED else presentable(outcome, answer, ("t0ken/1",), NOW)


both = pytest.mark.parametrize("kind", ["mytracker", "sailplay"])


@both
def test_200_with_the_vendors_json_object_is_accepted(kind: str) -> None:
    assert judge(kind, 200, OK[kind]) is ACCEPTED


@both
@pytest.mark.parametrize(
    ("status", "body", "blame"),
    [
        (400, ERROR, OutcomeKind.REJECTED),
        (400, {"error": "Bad json"}, OutcomeKind.REJECTED),
        (400, {"error": "Empty post data"}, OutcomeKind.REJECTED),
        (400, ["no object"], OutcomeKind.REJECTED),
        (413, HTML, OutcomeKind.REJECTED),
        (422, ERROR, OutcomeKind.REJECTED),
        (400, {"error": "Bad api version"}, OutcomeKind.MISCONFIGURED),
        (400, {"error": " bad API version\n"}, OutcomeKind.MISCONFIGURED),
        (300, b"", OutcomeKind.MISCONFIGURED),
        (301, b"", OutcomeKind.MISCONFIGURED),
        (302, OK["mytracker"], OutcomeKind.MISCONFIGURED),
        (308, HTML, OutcomeKind.MISCONFIGURED),
        (401, ERROR, OutcomeKind.MISCONFIGURED),
        (403, {"error": "Forbidden"}, OutcomeKind.MISCONFIGURED),
        (404, {"error": "Method not found"}, OutcomeKind.MISCONFIGURED),
        (404, HTML, OutcomeKind.MISCONFIGURED),
        (405, b"", OutcomeKind.MISCONFIGURED),
        (411, b"", OutcomeKind.MISCONFIGURED),
        (451, b"", OutcomeKind.MISCONFIGURED),
        (499, b"", OutcomeKind.MISCONFIGURED),
        (400, HTML, OutcomeKind.UNAVAILABLE),
        (400, b"", OutcomeKind.UNAVAILABLE),
        (408, b"", OutcomeKind.UNAVAILABLE),
        (425, b"", OutcomeKind.UNAVAILABLE),
        (429, ERROR, OutcomeKind.UNAVAILABLE),
        (500, {"error": "Internal Server Error"}, OutcomeKind.UNAVAILABLE),
        (502, HTML, OutcomeKind.UNAVAILABLE),
        (503, b"", OutcomeKind.UNAVAILABLE),
        (504, HTML, OutcomeKind.UNAVAILABLE),
        (599, b"", OutcomeKind.UNAVAILABLE),
        (101, b"", OutcomeKind.UNAVAILABLE),
        (199, b"", OutcomeKind.UNAVAILABLE),
        (200, b"", OutcomeKind.UNAVAILABLE),
        (200, HTML, OutcomeKind.UNAVAILABLE),
        (200, b'{"status": "ok"', OutcomeKind.UNAVAILABLE),
        (200, ["ok"], OutcomeKind.UNAVAILABLE),
        (200, "ok", OutcomeKind.UNAVAILABLE),
        (200, b'{"a":' * 2000, OutcomeKind.UNAVAILABLE),
        (201, OK["sailplay"], OutcomeKind.UNAVAILABLE),
        (202, OK["mytracker"], OutcomeKind.UNAVAILABLE),
        (204, b"", OutcomeKind.UNAVAILABLE),
        (206, OK["mytracker"], OutcomeKind.UNAVAILABLE),
        (299, b"", OutcomeKind.UNAVAILABLE),
    ],
)
def test_the_table_of_statuses(kind: str, status: int, body: Any, blame: OutcomeKind) -> None:
    outcome = judge(kind, status, body)
    assert outcome.kind is blame
    assert outcome.status == status
    assert outcome.message


@both
def test_the_answer_is_lost_where_only_a_proxy_spoke_or_the_vendor_broke_off(kind: str) -> None:
    """After 500, 502 and 504 nobody knows whether a fire gave its points; 503 and 429 refuse before the work."""
    lost = [(200, HTML), (202, b""), (500, ERROR), (502, HTML), (504, HTML), (520, HTML), (101, b"")]
    lost += [(299, b""), (199, b"")]
    known = [(200, OK[kind]), (302, b""), (400, ERROR), (400, HTML), (403, ERROR), (408, b""), (429, b""), (503, HTML)]
    known += [(300, b""), (499, b"")]
    assert [judge(kind, *answer).effect_unknown for answer in lost] == [True] * len(lost)
    assert [judge(kind, *answer).effect_unknown for answer in known] == [False] * len(known)


@both
@pytest.mark.parametrize(
    ("statuses", "blame", "effect_unknown"),
    [
        ((101, 199, 200, 201, 204, 299), OutcomeKind.UNAVAILABLE, True),
        ((300, 302, 401, 403, 404, 405, 451, 499), OutcomeKind.MISCONFIGURED, False),
        ((413, 422), OutcomeKind.REJECTED, False),
        ((400, 408, 425, 429, 503), OutcomeKind.UNAVAILABLE, False),
        ((500, 502, 504, 520, 599), OutcomeKind.UNAVAILABLE, True),
    ],
)
def test_without_a_readable_body_the_status_decides(
    kind: str, statuses: tuple[int, ...], blame: OutcomeKind, effect_unknown: bool
) -> None:
    for status in statuses:
        outcome = judge_without_body(kind, status)
        assert (outcome.kind, outcome.status, outcome.effect_unknown) == (blame, status, effect_unknown)
        assert outcome.message == f"HTTP {status} with a body that cannot be read: the answer broke off"
        assert outcome.retry_after == 7.0


@pytest.mark.parametrize("status", [200, 202, 400, 409, 503])
def test_no_vendor_accepts_without_a_readable_body(status: int) -> None:
    """Whatever its judgement makes of a status alone: it would have read the body."""
    answer = Answer(status, {}, b"", unreadable="the answer broke off")
    assert judge_unreadable(answer, lambda _: ACCEPTED).kind is OutcomeKind.UNAVAILABLE


def test_a_vendors_own_word_on_a_status_holds_without_a_body() -> None:
    answer = Answer(409, {}, b"", unreadable="the answer broke off")
    outcome = judge_unreadable(answer, lambda answer: Outcome(OutcomeKind.REJECTED, answer.status, "duplicate"))
    assert outcome.kind is OutcomeKind.REJECTED


@both
def test_a_byte_order_mark_is_passed_over(kind: str) -> None:
    assert judge(kind, 200, b"\xef\xbb\xbf" + orjson.dumps(OK[kind])) is ACCEPTED
    assert judge(kind, 400, b"\xef\xbb\xbf" + orjson.dumps(ERROR)).kind is OutcomeKind.REJECTED


@both
def test_an_answer_in_another_charset_is_judged_by_its_status(kind: str) -> None:
    body = '{"status": "\u043e\u043a"}'.encode("cp1251")
    assert judge(kind, 200, body).effect_unknown
    assert judge(kind, 403, body).kind is OutcomeKind.MISCONFIGURED
    assert judge(kind, 429, body, retry_after="7") == Outcome(
        OutcomeKind.UNAVAILABLE, 429, '{"status": "\ufffd\ufffd"}', retry_after=7.0
    )


@pytest.mark.parametrize(
    ("code", "blame", "told", "heal_for"),
    [
        (-1000, OutcomeKind.REJECTED, "-1000", None),
        ("-1000", OutcomeKind.REJECTED, "-1000", None),
        (-31337, OutcomeKind.REJECTED, "-31337", None),
        ("E_GONE", OutcomeKind.REJECTED, "E_GONE", None),
        (None, OutcomeKind.REJECTED, None, None),
        (True, OutcomeKind.REJECTED, None, None),
        ({"a": 1}, OutcomeKind.REJECTED, None, None),
        ("a label\n" * 50, OutcomeKind.REJECTED, None, None),
        (-7, OutcomeKind.MISCONFIGURED, "-7", None),
        ("-7", OutcomeKind.MISCONFIGURED, "-7", None),
        (" -2 ", OutcomeKind.MISCONFIGURED, "-2", None),
        (-4000, OutcomeKind.UNAVAILABLE, "-4000", 600.0),
        ("-4000", OutcomeKind.UNAVAILABLE, "-4000", 600.0),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 413, 422])
def test_sailplays_codes(status: int, code: Any, blame: OutcomeKind, told: str | None, heal_for: float | None) -> None:
    outcome = judge("sailplay", status, {"status": "error", "status_code": code, "message": "Not today"})
    assert (outcome.kind, outcome.code, outcome.retry_for) == (blame, told, heal_for)
    assert outcome.message == ("Not today" if told is None else f"status_code {told}: Not today")
    assert not outcome.effect_unknown


def test_sailplays_error_without_a_code_is_the_events() -> None:
    assert judge("sailplay", 200, {"status": "error", "message": "no"}) == Outcome(OutcomeKind.REJECTED, 200, "no")


def test_sailplays_code_is_an_error_whatever_stands_beside_it() -> None:
    assert judge("sailplay", 200, {"status_code": -7}).kind is OutcomeKind.MISCONFIGURED
    assert judge("sailplay", 200, {"status": "fail", "status_code": -1000}).kind is OutcomeKind.REJECTED


def test_where_no_code_may_heal_every_code_is_the_events() -> None:
    answer = Answer(200, {}, b'{"status": "error", "status_code": -4000, "message": "no"}')
    assert sailplay.judge(answer) == Outcome(OutcomeKind.REJECTED, 200, "status_code -4000: no", code="-4000")


@pytest.mark.parametrize(
    ("status", "blame"), [(400, OutcomeKind.MISCONFIGURED), (200, OutcomeKind.REJECTED), (422, OutcomeKind.REJECTED)]
)
def test_a_bad_api_version_is_ours_where_the_vendor_says_so_with_a_400(status: int, blame: OutcomeKind) -> None:
    assert judge("sailplay", status, {"status": "error", "error": "Bad api version"}).kind is blame


def test_a_sailplay_object_that_says_neither_ok_nor_error_is_not_its_answer() -> None:
    assert judge("sailplay", 200, {"events": []}).kind is OutcomeKind.UNAVAILABLE
    assert judge("sailplay", 200, OK["mytracker"]).effect_unknown


def test_retry_codes_do_not_turn_an_outage_into_a_healing_event() -> None:
    outcome = judge("sailplay", 503, {"status": "error", "status_code": -4000})
    assert (outcome.kind, outcome.retry_for) == (OutcomeKind.UNAVAILABLE, None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("600", 600.0),
        ("601", 600.0),
        ("9" * 5000, 600.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("\u0663", None),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW + 30), 30.0),
        (formatdate(NOW + 86400, usegmt=True), 600.0),
        ("Wed, 15 Nov 2023 01:13:50 +0300", 30.0),
        (formatdate(NOW, usegmt=True), 0.0),
        (formatdate(NOW - 1, usegmt=True), None),
        (formatdate(NOW - 30, usegmt=True), None),
        ("Tue, " + "9" * 30 + " Nov 2023 22:13:50 GMT", None),
        ("Tue, 99 Foo 9999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nonsense_counts_as_absent(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_raises(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= 600


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows another zone than UTC."""
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_a_date_without_a_zone_is_in_utc_wherever_the_connector_runs() -> None:
    assert retry_after("Tue, 14 Nov 2023 22:13:50 -0000", NOW) == 30.0


@both
@pytest.mark.parametrize("status", [200, 400, 429, 503])
def test_retry_after_is_told_with_whatever_is_not_accepted(kind: str, status: int) -> None:
    assert judge(kind, status, b"busy", retry_after="7").retry_after == 7.0
    assert judge(kind, status, b"busy", retry_after=formatdate(NOW + 30, usegmt=True)).retry_after == 30.0


def test_retry_after_is_told_with_sailplays_codes_too() -> None:
    error = {"status": "error", "status_code": -1000}
    assert judge("sailplay", 200, error, retry_after=formatdate(NOW + 30, usegmt=True)).retry_after == 30.0


@pytest.mark.parametrize(
    ("kind", "status", "body", "said"),
    [
        ("mytracker", 400, {"error": "Bad Request"}, "Bad Request"),
        ("mytracker", 400, {"error": "Bad Request", "message": "no users"}, "Bad Request: no users"),
        ("mytracker", 400, {"error": 5, "message": "no users"}, "no users"),
        ("mytracker", 400, {"code": 5}, '{"code":5}'),
        ("mytracker", 503, b"\n  busy  \n", "busy"),
        ("mytracker", 503, b"\xff busy", "\ufffd busy"),
        ("mytracker", 503, b"", "HTTP 503 with an empty body"),
        ("mytracker", 199, b"busy", "busy"),
        ("mytracker", 300, b"busy", "busy"),
        ("mytracker", 202, HTML, "HTTP 202 without the JSON object that the vendor answers when it accepts"),
        (
            "sailplay",
            200,
            {"status": "error", "status_code": -5},
            'status_code -5: {"status":"error","status_code":-5}',
        ),
    ],
)
def test_the_message_says_what_is_known(kind: str, status: int, body: Any, said: str) -> None:
    assert judge(kind, status, body).message == said


@both
def test_the_message_is_the_vendors_word_without_secrets_or_control_characters(kind: str) -> None:
    said = judge(kind, 403, {"error": "token t0ken/1 (t0ken%2F1)\x1b[31m is\r\nbad"}).message
    assert said == "token *** (***) [31m is  bad"


@both
def test_the_message_is_at_most_a_kilobyte_of_utf8(kind: str) -> None:
    assert judge(kind, 500, ("é" * 5000).encode()).message == "é" * 512
    assert judge(kind, 500, ("x" + "é" * 5000).encode()).message == "x" + "é" * 511


def test_an_empty_secret_masks_nothing() -> None:
    assert clean_vendor_message("busy", ("", "t0ken")) == "busy"


def test_a_token_at_the_cut_is_masked_whole() -> None:
    assert "t0k" not in clean_vendor_message("x" * 1020 + "t0ken/1", ("t0ken/1",))


@both
@given(status=st.integers(100, 599), body=st.binary(max_size=50))
def test_every_answer_has_an_outcome(kind: str, status: int, body: bytes) -> None:
    assert isinstance(judge(kind, status, body), Outcome)
