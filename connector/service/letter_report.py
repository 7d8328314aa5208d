"""Dead letters as people and programs are shown them: what `redact` names is hidden wherever it appears."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from connector.deadletters.cause import cause_of, normalise_message
from connector.deadletters.letter_history import LetterHistory, find_histories
from connector.deadletters.receipts import LetterState, Receipts
from connector.deadletters.remap import remap
from connector.deadletters.scan import ReadProgress
from connector.errors import DecodeError
from connector.kafka.dead_letter import DeadLetter
from connector.kafka.letter_elements import ALL, named_elements
from connector.kafka.records import Address
from connector.model import Event, Item, Reason, Record
from connector.operations.formatting import clock_time, record_time
from connector.redaction.payloads import Redactor
from connector.routing.decode import decode
from connector.service.assembly import build_routers
from connector.service.command_input import OpenConfig
from connector.service.preview import readable_body

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
    """Return the bodies that the current configuration would send, or what prevents it.

    Where an open letter's outcome is unknown, what the vendor has seen of its event is added, for a person to decide.
    """
    letter = history.letters[-1]
    remapped = remap(letter, history.record, build_routers(config.settings, [letter.sink]), Receipts())
    unknown = letter.reason == Reason.UNKNOWN_OUTCOME and history.state is LetterState.OPEN
    return {
        "accepted": not remapped.shortfall,
        "obstacle": redactor.text(remapped.shortfall) or None,
        "items": [
            {
                "route": item.route,
                "item": item.element - 1 if item.element else None,
                "method": item.method,
                "bytes": len(item.body),
                "body": _body(config, item, event, history.record, redactor),
                "fired": ask_fired(letter.sink, item) if unknown and number < _MAX_ASKED else None,
            }
            for number, item in enumerate(remapped.items)
        ],
    }


def _body(config: OpenConfig, item: Item, event: Event | None, record: Record, redactor: Redactor) -> Any:
    body = readable_body(config.settings, item, event or {}, record)
    return {name: redactor.text(value) if isinstance(value, str) else value for name, value in body.items()}


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
