"""Kinds of mistakes that an event reveals: none at all, taken by no route, or beyond what an expression takes."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

_ORDER = '{"type": "order.paid", "user": {"id": "u1"}, "order": {"id": "o1", "total": 120}}'

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "undecodable",
        "The record's value is no event. An event is one JSON object, nested at most 200 deep. The producer must send "
        "it otherwise; no route can mend it.",
        '{"type": "order.paid", "user": {"id": "u1"}',
        '{"type": "order.paid", "user": {"id": "u1"}}',
        '{"type": "order.paid", "user": {"id": "u1"}',
    ),
    MistakeKind(
        "schema",
        "The event does not match the schema of its topic. Either the producer sends something wrong, or the schema "
        "asks for more than the routes need.",
        "topics: {shop.orders: {schema: schemas/events/order.json}}",
        "topics: {shop.orders: {}}",
        '{"type": "order.paid", "user": {"id": "u1"}}',
    ),
    MistakeKind(
        "unrouted",
        "No route of any sink takes the event, and `delivery.unrouted` says that such events become dead letters.",
        "delivery: {unrouted: dead_letter}\n"
        "routes:\n"
        "  - {from: shop.orders, when: type == 'order.payed', to: mytracker.login, fields: {customUserId: user.id}}",
        "delivery: {unrouted: dead_letter}\n"
        "routes:\n"
        "  - {from: shop.orders, when: type == 'order.paid', to: mytracker.login, fields: {customUserId: user.id}}",
        _ORDER,
    ),
    MistakeKind(
        "not-taken",
        "The route's condition does not hold for the event, and so it is skipped. That is right for most events. "
        "Where it should be taken, compare the values: letter case, spaces and spelling count.",
        "when: type == 'order.payed'",
        "when: type == 'order.paid'",
        _ORDER,
    ),
    MistakeKind(
        "null-field",
        "The expression gave null, and the field is left out. A path gives null where the event has nothing under that "
        "name: the name is misspelt, or it was meant as a text and lacks its single quotes.",
        "fields: {eventTimestamp: unix(occured_at)}",
        "fields: {eventTimestamp: unix(occurred_at)}",
        '{"type": "order.paid", "user": {"id": "u1"}, "occurred_at": "2026-03-01T09:00:00Z"}',
    ),
    MistakeKind(
        "required-null",
        "The vendor requires the field, and its expression gave null or an empty text. The event becomes a dead "
        "letter.",
        "fields: {customUserId: user.ident}",
        "fields: {customUserId: user.id}",
        _ORDER,
    ),
    MistakeKind(
        "no-headers",
        "The route looks at a header or at the key, and an event from a file has neither. Give them to `preview` by "
        "--header NAME=VALUE and --key, or preview the record itself by --from.",
        "fields: {customEventName: header('ce_type')}",
        "fields: {customEventName: type}",
        _ORDER,
    ),
    MistakeKind(
        "null-argument",
        "A function got null, because the event lacks the field. Say what null counts as.",
        'fields: {customEventParams: {items: "length(order.items)"}}',
        'fields: {customEventParams: {items: "length(order.items || `[]`)"}}',
        _ORDER,
    ),
    MistakeKind(
        "null-in-condition",
        "A condition calculates with null, and so it cannot be decided whether the route takes the event. Say what "
        "null counts as.",
        "when: order.total - order.discount > 100",
        "when: order.total - (order.discount || 0) > 100",
        _ORDER,
    ),
    MistakeKind(
        "wrong-kind",
        "A function or operator got another kind of value than it takes, such as a number instead of a text. text(), "
        "number() and json() make one of the other.",
        "fields: {customEventName: lower(order.number)}",
        "fields: {customEventName: lower(text(order.number))}",
        '{"type": "order.paid", "user": {"id": "u1"}, "order": {"number": 17}}',
    ),
    MistakeKind(
        "wrong-argument",
        "An argument that says how a function works, such as a unit, a width or a country code, is none that it "
        "knows. [expressions.md](expressions.md) says which there are.",
        "fields: {eventTimestamp: \"unix(at, 'sec')\"}",
        "fields: {eventTimestamp: unix(at)}",
        '{"type": "order.paid", "user": {"id": "u1"}, "at": 1772355600}',
    ),
    MistakeKind(
        "no-time",
        "unix() cannot read the value as a time, or the time is before 1973 or after 2106. It takes ISO 8601 with a "
        "zone, or seconds since 1970.",
        "fields: {eventTimestamp: unix(day)}",
        "fields: {eventTimestamp: unix(paid_at)}",
        '{"type": "order.paid", "user": {"id": "u1"}, "day": "01.03.2026", "paid_at": "2026-03-01T09:00:00Z"}',
    ),
    MistakeKind(
        "time-without-zone",
        "The time has no zone, and could be hours off. If the producer's clock has a known zone, say which.",
        "fields: {eventTimestamp: unix(paid_at)}",
        "fields: {eventTimestamp: \"unix(join('', [paid_at, '+03:00']))\"}",
        '{"type": "order.paid", "user": {"id": "u1"}, "paid_at": "2026-03-01T09:00:00"}',
    ),
    MistakeKind(
        "time-unit",
        "The number is a time in another unit than seconds: milliseconds, microseconds, nanoseconds or days. The "
        "message says which call reads it.",
        "fields: {eventTimestamp: unix(paid_at)}",
        "fields: {eventTimestamp: \"unix(paid_at, 'ms')\"}",
        '{"type": "order.paid", "user": {"id": "u1"}, "paid_at": 1772355600123}',
    ),
    MistakeKind(
        "no-number",
        "number() cannot read the text as a number.",
        "fields: {customEventParams: {total: number(order.total)}}",
        "fields: {customEventParams: {total: \"number(order.total, ',')\"}}",
        '{"type": "order.paid", "user": {"id": "u1"}, "order": {"total": "1 200,50"}}',
    ),
    MistakeKind(
        "number-too-large",
        "The number, or the result, is beyond 64 bits, where programs begin to lose digits. An identifier that long "
        "must come as a text.",
        "fields: {customUserId: user.id}",
        "fields: {customUserId: user.uid}",
        '{"type": "order.paid", "user": {"id": 118446744073709551616, "uid": "118446744073709551616"}}',
    ),
    MistakeKind(
        "division-by-zero",
        "The event has 0 where the expression divides. Say what the result is then.",
        "fields: {customEventParams: {share: order.paid / order.total}}",
        "fields: {customEventParams: {share: order.total != 0 && order.paid / order.total || 0}}",
        '{"type": "order.paid", "user": {"id": "u1"}, "order": {"paid": 0, "total": 0}}',
    ),
    MistakeKind(
        "no-phone",
        "phone() cannot read the value as a telephone number, or cannot tell its country. "
        "[expressions.md](expressions.md) says which forms it takes.",
        "to: sailplay.fire\nfields: {event_key: \"'welcome'\", user_phone: \"phone(user.phone, '7')\"}",
        "to: sailplay.fire\nfields: {event_key: \"'welcome'\", email: user.email}",
        '{"type": "order.paid", "user": {"phone": "ask Anna", "email": "anna@shop.example"}}',
    ),
    MistakeKind(
        "no-digits",
        "digits() takes 0 to 9, and the text has digits of another script.",
        "fields: {customUserId: digits(user.number)}",
        "fields: {customUserId: user.id}",
        '{"type": "order.paid", "user": {"id": "u1", "number": "٣٤"}}',
    ),
    MistakeKind(
        "no-json",
        "json() takes a text that holds JSON, and this text holds something else.",
        "fields: {customEventParams: {note: json(note)}}",
        "fields: {customEventParams: {note: note}}",
        '{"type": "order.paid", "user": {"id": "u1"}, "note": "call again"}',
    ),
    MistakeKind(
        "no-base64",
        "base64_decode() takes base64 behind which a text stands, and this is not.",
        "fields: {customEventParams: {note: base64_decode(note)}}",
        "fields: {customEventParams: {note: note}}",
        '{"type": "order.paid", "user": {"id": "u1"}, "note": "call again"}',
    ),
    MistakeKind(
        "key-no-text",
        "key() gives the record's key as a text, and the key is none: it is binary, or it has another length than "
        "key('int64') or key('int32') read. A key of eight bytes often is an integer.",
        "fields: {customUserId: key()}",
        "fields: {customUserId: \"key('int64')\"}",
        _ORDER,
    ),
    MistakeKind(
        "not-unicode",
        "The text holds half a character (a lone surrogate), which no encoding can send. It was cut in two before it "
        "came here.",
        "",
        "",
    ),
    MistakeKind(
        "too-large",
        "The expression would make a text of more than 4 million characters, or something as large, of one event.",
        "fields: {customEventName: \"replace(pad_left('', 10000), ' ', pad_left('', 1000))\"}",
        "fields: {customEventName: \"pad_left('', 100)\"}",
        _ORDER,
    ),
    MistakeKind(
        "unmappable",
        "The expression cannot be evaluated on this event, for a reason that has no name of its own. The message says "
        "more; if it does not help, report it with the expression.",
        "",
        "",
    ),
)
