"""Dead letters as people and programs are shown them: what `redact` names is hidden wherever it appears."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from connector.deadletters.cause import cause_of, normalise_message
from connector.deadletters.letter_history import LetterHistory, find_histories
from connector.deadletters.receipts import LetterState, Receipts
from connector.deadletters.remap import remap
from connector.deadletters.scan import ReadProgress
from connector.errors import DecodeError
from connector.kafka.dead_letter import DeadLetter
from connector.kafka.letter_elements import ALL, find_elements, named_elements
from connector.kafka.records import Address
from connector.model import Event, Item, Reason, Record, Stage
from connector.operations.formatting import clock_time, record_time
from connector.redaction.payloads import Redactor
from connector.routing.decode import decode
from connector.service.assembly import build_routers
from connector.service.command_input import OpenConfig
from connector.service.preview import Previewer, RoutePreview
from connector.service.problems import Problem
from connector.service.route_inspector import EventView, RouteInspector, view_of

# Undecodable values are cut after so many bytes; `dlq export --unredacted` has all of them.
_MAX_TEXT_BYTES = 2000
# Of a letter of many items the vendor is asked of so many: each takes a request of its rate.
_MAX_ASKED = 20

# Returns how often the vendor of this sink has seen the item's event, as JSON; None where it cannot be asked.
AskFired = Callable[[str, Item], dict[str, Any] | None]


def export_letter(
    letter: DeadLetter, topic: str, record: Record, state: LetterState, paths: tuple[str, ...] | None
) -> dict[str, Any]:
    """Return a letter of `topic` as JSON has it, with what lies at the paths hidden.

    Without paths (None) nothing is hidden, and the record's bytes are added in base64.
    """
    redactor = Redactor(_event_of(record), paths or ())
    exported = {**_facts(letter, topic, record, redactor), "state": state.label, "value": redactor.event()}
    return exported if paths is not None else {**exported, **_raw_bytes(record)}


def report_letters(
    config: OpenConfig, address: Address, progress: ReadProgress, ask_fired: AskFired
) -> list[dict[str, Any]]:
    """Return, as JSON has them, the letter at this address, or every letter of the event at it.

    Each comes with its history and with what the current configuration would send. Raises ConnectorError where there
    is none.
    """
    settings = config.settings
    with config.read_dead_letters() as letters:
        histories = find_histories(config.conf, letters, settings.receipts, address, progress)
    return [report_letter(config, history, ask_fired) for history in histories]


def report_letter(config: OpenConfig, history: LetterHistory, ask_fired: AskFired) -> dict[str, Any]:
    """Return one letter, its history and what the current configuration would send, as JSON has it."""
    topic, record, newest = config.settings.dead_letters, history.record, history.letters[-1]
    event = _event_of(record)
    redactor = Redactor(event, config.settings.redact)
    return {
        **_facts(newest, topic, record, redactor),
        "state": history.state.label,
        "timestamp": record_time(record.timestamp),
        "bytes": len(record.value or b""),
        "value": redactor.event() if event is not None else _undecodable_text(record, redactor),
        "failures": [
            {
                "letter": letter.place.address(topic),
                "at": clock_time(letter.failed_at),
                "reason": letter.reason,
                "message": redactor.text(letter.message),
                "status": letter.status,
                "attempts": letter.attempts,
                "replays": letter.replays,
            }
            for letter in history.letters
        ],
        "receipts": [
            {"what": receipt.state.label, "at": clock_time(receipt.at), "letter": receipt.letter, "why": receipt.why}
            for receipt in history.receipts
        ],
        "today": _remapped(config, history, event, redactor, ask_fired),
        "replay": cause_of(newest, record.value, normalise_message(newest.message)).replay_command(config.file),
    }


def _remapped(
    config: OpenConfig, history: LetterHistory, event: Event | None, redactor: Redactor, ask_fired: AskFired
) -> dict[str, Any]:
    """Return the bodies that the current configuration would send, or what prevents it: every mistake at once.

    Where an open letter's outcome is unknown, what the vendor has seen of its event is added, for a person to decide.
    """
    letter, record = history.letters[-1], history.record
    remapped = remap(letter, record, build_routers(config.settings, [letter.sink]), Receipts())
    unknown = letter.reason == Reason.UNKNOWN_OUTCOME and history.state is LetterState.OPEN
    previewer = Previewer(config.settings)
    previews = _previews(previewer, letter, record)
    view = view_of(event or {}, record, config.settings.redact)
    return {
        "accepted": not remapped.shortfall,
        "obstacle": redactor.text(remapped.shortfall) or None,
        "problems": [
            {"route": each.route, "item": each.element, **problem.as_json()}
            for each in previews
            for problem in _obstacles(each, letter)
        ],
        "left_out": _left_out([each for each in previews if each.outcome == "dead_letter"]),
        "items": [
            {
                "route": item.route,
                "item": item.element - 1 if item.element else None,
                "method": item.method,
                "bytes": len(item.body),
                "body": _body(previewer.inspector(item.route), item, view),
                **_beside_body([each for each in previews if each.describes(item)]),
                "fired": ask_fired(letter.sink, item) if unknown and number < _MAX_ASKED else None,
            }
            for number, item in enumerate(remapped.items)
        ],
    }


def _previews(previewer: Previewer, letter: DeadLetter, record: Record) -> list[RoutePreview]:
    """Return what there is to say of the letter's route, or of its sink's where it failed before any route.

    Of a letter that names elements of a list, of these alone. Nothing of a letter that no replay takes.
    """
    router = previewer.routers.get(letter.sink)
    if router is None or not letter.reason_known or letter.stage == Stage.SKIP:
        return []
    previews = previewer.preview_sink(letter.sink, record)
    if letter.route is None:
        return previews
    named = named_elements(letter.item) if letter.item else None
    elements = None if named is None else router.list_elements(record, letter.route)
    found = None if named is None or elements is None else {None, *find_elements(named, elements)}
    return [
        each for each in previews if each.route in (None, letter.route) and (found is None or each.element in found)
    ]


def _obstacles(preview: RoutePreview, letter: DeadLetter) -> Sequence[Problem]:
    """Return what prevents that the route sends the letter's event; routes that need not take it prevent nothing."""
    return preview.problems or (preview.notes if preview.route == letter.route else ())


def _beside_body(previews: Sequence[RoutePreview]) -> dict[str, Any]:
    return {
        "times": {name: date for each in previews for name, date in each.times.items()},
        "left_out": _left_out(previews),
    }


def _left_out(previews: Sequence[RoutePreview]) -> list[dict[str, Any]]:
    return [
        {"route": each.route, "item": each.element, **problem.as_json()}
        for each in previews
        for problem in each.left_out
    ]


def _body(inspector: RouteInspector, item: Item, view: EventView) -> dict[str, Any]:
    body = inspector.body(item, view)
    return {name: view.redactor.text(value) if isinstance(value, str) else value for name, value in body.items()}


def _event_of(record: Record) -> Event | None:
    """Return the record's event; None where the value is none."""
    try:
        return decode(record.value or b"")
    except DecodeError:
        return None


def _undecodable_text(record: Record, redactor: Redactor) -> str:
    """Return a value that is no event as a text, if it may be shown."""
    if redactor.hides_everything:
        return "(not shown: it is no event, so what redact hides cannot be found in it)"
    value = record.value or b""
    text = value[:_MAX_TEXT_BYTES].decode("utf-8", "backslashreplace")
    return text if len(value) <= _MAX_TEXT_BYTES else f"{text}… ({len(value):,} bytes)"


def _facts(letter: DeadLetter, topic: str, record: Record, redactor: Redactor) -> dict[str, Any]:
    """Return the letter's own headers, and the key and headers of the record that failed."""
    return {
        "letter": letter.place.address(topic),
        "origin": letter.origin,
        "identity": letter.identity.decode(),
        "sink": letter.sink,
        "route": letter.route,
        "method": letter.method,
        "reason": letter.reason,
        "stage": letter.stage,
        "message": redactor.text(letter.message),
        "status": letter.status,
        "attempts": letter.attempts,
        "replays": letter.replays,
        "items": _items(letter),
        "failed_at": clock_time(letter.failed_at),
        "key": redactor.bytes(record.key),
        "headers": [[name, redactor.bytes(value)] for name, value in record.headers],
    }


def _items(letter: DeadLetter) -> list[int] | str | None:
    """Return which elements of the event's list failed, by index; None where it failed as a whole.

    Without their digests, which may be those of values that `redact` hides.
    """
    if not letter.item:
        return None
    named = named_elements(letter.item)
    return ALL if named is None else [each.place for each in named]


def _raw_bytes(record: Record) -> dict[str, Any]:
    """Return the record's bytes in base64."""
    return {
        "key_base64": _base64(record.key),
        "value_base64": _base64(record.value),
        "headers_base64": [[name, _base64(value)] for name, value in record.headers],
    }


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
