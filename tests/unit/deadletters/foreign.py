"""Records that anybody may have written to the dead-letter and receipts topics: letters and receipts gone wrong."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import strategies as st

from connector.kafka.dead_letter import IDENTITY
from connector.model import Headers, Record
from tests.unit.deadletters.support import message, record

# Where one kind of number, time or word ends and the next begins.
ODD = [
    *(b"", b"0", b"-0", b"-1", b"-5", b"+5", b"007", b" 7", b"7 ", b"1_000", b"1e3", b"1.5", b"NaN", b"0x10", b"7\n"),
    *("٣".encode(), "²".encode(), "\uff17".encode(), b"\xff", b"\x00", "\u202e".encode()),
    *(b"%d" % (2**bits + more) for bits in (15, 16, 31, 32, 47, 48, 63, 64) for more in (-1, 0)),
    *(b"99999999999", b"9" * 19, b"9" * 20, b"9" * 5000, b"-" + b"9" * 19, b"--5"),
    *(b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59.999999-12:00", b"0001-01-01", b"2026-01-01T00:00:00"),
    *(b"10000-01-01T00:00:00Z", b"2026-W01-1", b"2026-02-30T00:00:00Z", b"2026-01-01T00:00:00+99:00"),
    *(b"all", b"0/0123abcd", b"0/0123abcd,", b"1" * 9 + b"/0123abcd", b"0/0123abcd," * 9_000 + b"0/0123abcd"),
    *(b"expired", b"skipped", b"Refused", b"a/b", b"topic:1", b"x" * 300, b"1", b"2", b"3"),
]
_values = st.none() | st.sampled_from(ODD) | st.binary(max_size=12)
_LETTER = message(record(), status=400, item="0/0123abcd,7/0123abcd").headers


@st.composite
def letters(draw: st.DrawFn) -> Record:
    """A letter whose headers hold anything; at any location, with any value and time."""
    wrong = draw(st.dictionaries(st.sampled_from([name for name, _ in _LETTER]), _values, max_size=4))
    gone = draw(st.sets(st.sampled_from([name for name, _ in _LETTER]), max_size=2))
    headers: Headers = tuple((name, wrong.get(name, value)) for name, value in _LETTER if name not in gone)
    brought = draw(st.lists(st.tuples(st.text(max_size=3) | st.just(IDENTITY), _values), max_size=3))
    return Record(
        "dead",
        draw(st.integers(0, 2**31 - 1)),
        draw(st.integers(0, 2**63 - 1)),
        draw(st.integers(-(2**63), 2**63 - 1)),
        draw(st.none() | st.binary(max_size=4)),
        draw(st.none() | st.binary(max_size=8) | st.just(b'{"type":"login","id":1}')),
        (*brought, *headers),
    )


_anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=6) | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from([each.decode("utf-8", "replace") for each in ODD]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
_places = st.dictionaries(st.integers(0, 2**31 - 1).map(str), st.integers(0, 2**63 - 1), max_size=3)
_closes = _places | st.dictionaries(
    st.sampled_from([each.decode("utf-8", "replace") for each in ODD]) | st.text(max_size=3),
    st.integers(-1, 2**64 - 1) | _anything,
    max_size=3,
)
_RECEIPT: dict[str, st.SearchStrategy[Any]] = {
    "what": st.sampled_from(["replayed", "refused", "discarded", "open", "sent", ""]),
    "why": st.none() | st.text(max_size=3),
    "at": st.just("2026-01-01T00:00:00.000+00:00"),
    "letter": st.sampled_from(["dead/0/5", "dead/0/99999999999999999999", "dead/-1/²", "", "5", "dead/4294967296/1"]),
    "closes": _closes,
}


@st.composite
def receipts(draw: st.DrawFn) -> bytes:
    """A receipt's value that holds anything."""
    if not draw(st.integers(0, 3)):
        return draw(st.binary(max_size=30))
    wrong = draw(st.sets(st.sampled_from(sorted(_RECEIPT)), max_size=2))
    fields = {name: draw(_anything if name in wrong else right) for name, right in _RECEIPT.items()}
    return orjson.dumps({name: fields[name] for name in fields if draw(st.integers(0, 19))})
