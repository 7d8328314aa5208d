"""Every kind of mistake is shown by its own wrong piece, and by none of what its right piece gives."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest

from connector import resources
from connector.config.load import load
from connector.errors import ConfigError, ExpressionError, FieldError
from connector.expressions import compile_expression
from connector.mistakes.catalogue import GROUPS, MISTAKES
from connector.mistakes.kind import MistakeKind
from connector.mistakes.lint import SAMPLE_KINDS
from connector.model import Record
from connector.service.preview import Previewer
from connector.vendors.mytracker.fields import METHODS
from connector.vendors.sailplay.events import check
from connector.vendors.vendor import VendorEvent
from tests.unit.mistakes.pieces import configuration, names_in_configuration, names_on_event

_SAME = {"properties": {"a": {"$ref": "#"}}, "additionalProperties": True}
RECORD = Record("shop.orders", 0, 0, 1_772_355_600_000, None, b"{}", ())


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configurations lie, with the schemas that pieces name; the secrets are there."""
    monkeypatch.setenv("MYTRACKER_TOKEN", "a")
    monkeypatch.setenv("SAILPLAY_TOKEN", "b")
    events = tmp_path / "schemas" / "events"
    events.mkdir(parents=True)
    shutil.copy(resources.schemas() / "events" / "order.json", events)
    shutil.copy(resources.schemas() / "events" / "user.json", events / "account.json")
    alike = [_SAME, {**_SAME, "minProperties": 1}]
    (tmp_path / "alternatives-alike.json").write_text(json.dumps({"anyOf": alike}))
    (tmp_path / "alternatives-apart.json").write_text(json.dumps(_SAME))
    return tmp_path


def written(directory: Path, text: str) -> Path:
    path = directory / "connector.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def names(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    path = written(directory, configuration(piece))
    if not kind.event:
        return names_in_configuration(path)
    return names_on_event(load(path), kind.event.encode())


# --- kinds that no piece of a configuration shows: what shows them instead, by the wrong and the right piece ----------


def _unreadable_file(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """The mistake is in the command's argument; the file that is there is the right one's."""
    written(directory, configuration("group: crm"))
    return names_in_configuration(directory / piece.rsplit(maxsplit=1)[-1])


def _no_configuration(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """A file that is no mapping has nothing to merge it into; the right one is the beginning of a whole file."""
    return names_in_configuration(written(directory, piece if piece == kind.wrong else configuration(piece)))


def _of_the_department(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """SailPlay's own list of events decides, which `check --live` asks for."""
    settings = load(written(directory, configuration(piece)))
    events = {"welcome": VendorEvent("Welcome", "event"), "order": VendorEvent("Order", "sum")}
    return {mistake.name for mistake in check(settings.routes, events)}


def _of_the_event_itself(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """No configuration mends it: the pieces are events."""
    return names_on_event(load(written(directory, configuration("group: crm"))), piece.encode())


def _without_headers(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """An event from a file has no headers; with them the same route maps it."""
    settings = load(written(directory, configuration(piece)))
    given = names_on_event(settings, kind.event.encode(), headers=(("ce_type", b"order.paid"),))
    assert given == set()
    return {"no-headers"} if names_on_event(settings, kind.event.encode()) else set()


def _with_a_binary_key(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """The key is the record's, not the event's."""
    return names_on_event(load(written(directory, configuration(piece))), kind.event.encode(), key=bytes(7) + b"\x07")


def _without_items(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """Nothing fails: preview says it."""
    previewer = Previewer(load(written(directory, configuration(piece))))
    (preview,) = previewer.preview(RECORD._replace(value=kind.event.encode()))
    return {each.name for each in (*preview.notes, *preview.problems)}


def _of_a_sample(kind: MistakeKind, piece: str, directory: Path) -> set[str]:
    """Seen only where the routes are held against events."""
    sample = directory / "sample.json"
    sample.write_text(kind.event, encoding="utf-8")
    return names_in_configuration(written(directory, configuration(piece)), sample=str(sample)) & {kind.name}


OTHERWISE: MappingProxyType[str, Callable[[MistakeKind, str, Path], set[str]]] = MappingProxyType(
    {
        "unreadable-file": _unreadable_file,
        "no-configuration": _no_configuration,
        "unknown-event": _of_the_department,
        "sum-without-value": _of_the_department,
        "undecodable": _of_the_event_itself,
        "no-headers": _without_headers,
        "key-no-text": _with_a_binary_key,
        "no-items": _without_items,
        **{kind.name: _of_a_sample for kind in SAMPLE_KINDS},
    }
)


@pytest.mark.parametrize("kind", [kind for kind in MISTAKES.values() if kind.wrong], ids=lambda kind: kind.name)
def test_the_wrong_piece_is_that_mistake_and_the_right_one_is_none(kind: MistakeKind, directory: Path) -> None:
    said = OTHERWISE.get(kind.name, names)
    assert said(kind, kind.wrong, directory) == {kind.name}
    assert said(kind, kind.right, directory) == set()


def test_half_a_character_cannot_be_sent() -> None:
    """Our decoder refuses such an event; a decoder of another format, or a later one, might not."""
    encode = METHODS["customEvent"].encode
    with pytest.raises(FieldError) as raised:
        encode({"customUserId": "u1", "customEventName": "\ud83d"})
    assert raised.value.name == "not-unicode"
    assert encode({"customUserId": "u1", "customEventName": "order"})


def test_what_should_never_happen_has_no_name_of_its_own() -> None:
    """Such as a value that no JSON holds."""
    absolute = compile_expression("abs(total)")
    with pytest.raises(ExpressionError) as raised:
        absolute({"total": b"5"}, RECORD)
    assert raised.value.name == "unmappable"
    assert absolute({"total": -5}, RECORD) == 5


def test_only_these_two_are_shown_by_no_piece() -> None:
    assert {kind.name for kind in MISTAKES.values() if not kind.wrong} == {"not-unicode", "unmappable"}


@pytest.mark.parametrize("kind", [kind for kind in MISTAKES.values() if kind.event], ids=lambda kind: kind.name)
def test_a_configuration_that_only_an_event_shows_wrong_loads(kind: MistakeKind, directory: Path) -> None:
    for piece in (kind.wrong, kind.right):
        if not piece.startswith("{"):
            load(written(directory, configuration(piece)))


def test_a_mistake_of_the_configuration_is_refused_or_warned_of_when_it_is_loaded(directory: Path) -> None:
    """The table would prove nothing if any piece were refused for something else: one that is right is not."""
    assert names_in_configuration(written(directory, configuration("group: crm"))) == set()
    with pytest.raises(ConfigError):
        load(written(directory, configuration("wehn: type")))


def test_names_are_distinct_and_can_be_anchors() -> None:
    every = [kind.name for group in GROUPS for kind in group.kinds]
    assert len(every) == len(set(every)) == len(MISTAKES)
    assert [name for name in every if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name)] == []
    titles = {re.sub(r"[^a-z0-9 -]", "", group.title.lower()).replace(" ", "-") for group in GROUPS}
    assert titles.isdisjoint(every)


def test_meanings_are_sentences_and_pieces_differ() -> None:
    for kind in MISTAKES.values():
        assert kind.meaning.endswith("."), kind.name
        assert (kind.wrong != kind.right) == bool(kind.wrong), kind.name
        assert not kind.wrong.endswith("\n")
        assert not kind.right.endswith("\n")
