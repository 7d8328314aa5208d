"""Kinds of mistakes in mapped values: what a vendor's field does not take."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "field-type",
        "The field takes another kind of value, such as a number instead of a text, or one of a few values. Numeric "
        "texts become numbers and whole numbers become texts by themselves; nothing else is guessed.",
        "fields: {age: user.age}",
        "fields: {age: user.years}",
        '{"type": "order.paid", "user": {"id": "u1", "age": "grown-up", "years": 35}}',
    ),
    MistakeKind(
        "field-range",
        "The number is below or above what the field takes.",
        "fields: {age: user.born}",
        "fields: {age: user.age}",
        '{"type": "order.paid", "user": {"id": "u1", "born": 1991, "age": 35}}',
    ),
    MistakeKind(
        "field-length",
        "The text is shorter or longer than the field takes.",
        "fields: {instanceId: device.id}",
        "fields: {instanceId: device.uuid}",
        '{"type": "order.paid", "user": {"id": "u1"}, '
        '"device": {"id": "d7", "uuid": "8b6e5c1e-3f0a-4c8e-9d2b-7a1f00c4e5d6"}}',
    ),
    MistakeKind(
        "field-form",
        "The text has not the form that the field takes: an address, a currency in capital letters, digits only.",
        "to: mytracker.customRevenue\n"
        "fields:\n"
        "  customUserId: user.id\n"
        "  idTransaction: order.id\n"
        "  currency: order.currency\n"
        "  total: order.total\n"
        "  eventTimestamp: unix(paid_at)",
        "to: mytracker.customRevenue\n"
        "fields:\n"
        "  customUserId: user.id\n"
        "  idTransaction: order.id\n"
        "  currency: upper(order.currency)\n"
        "  total: order.total\n"
        "  eventTimestamp: unix(paid_at)",
        '{"type": "order.paid", "user": {"id": "u1"}, "paid_at": "2026-03-01T09:00:00Z", '
        '"order": {"id": "o1", "currency": "rub", "total": 120}}',
    ),
    MistakeKind(
        "empty-field",
        "The text is empty, and leaving it out would mean something else: without an order's number the points are "
        "given at once. Map null where there is no order.",
        "to: sailplay.fire\nfields: {event_key: \"'order'\", origin_user_id: user.id, purchase_order_num: order.id}",
        "to: sailplay.fire\n"
        "fields: {event_key: \"'order'\", origin_user_id: user.id, purchase_order_num: order.number}",
        '{"type": "order.paid", "user": {"id": "u1"}, "order": {"id": "", "number": "17"}}',
    ),
    MistakeKind(
        "oversize",
        "The event alone is larger than a request to the vendor may be. Map fewer fields, or cut long texts.",
        "sinks: {mytracker: {batch: {max_bytes: 100}}}\n"
        "routes:\n"
        "  - from: shop.orders\n"
        "    to: mytracker.customEvent\n"
        "    fields: {customUserId: user.id, customEventName: type, customEventParams: {note: note}}",
        "sinks: {mytracker: {batch: {max_bytes: 100}}}\n"
        "routes:\n"
        "  - from: shop.orders\n"
        "    to: mytracker.customEvent\n"
        "    fields: {customUserId: user.id, customEventName: type, customEventParams: {note: 'cut(note, 10)'}}",
        '{"type": "order.paid", "user": {"id": "u1"}, "note": "leave it with the neighbours, please, and ring twice"}',
    ),
)
