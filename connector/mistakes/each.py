"""Kinds of mistakes of routes with `each`."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "shared-transaction-id",
        "Every item of an event has the same idTransaction, as the expression does not read the element. To the vendor "
        "they are one payment, and all but the first are lost.",
        "to: mytracker.customRevenue\n"
        "each: order.lines\n"
        "fields: {customUserId: $.user.id, idTransaction: $.order.id, currency: \"'RUB'\", total: price, "
        "eventTimestamp: unix($.occurred_at)}",
        "to: mytracker.customRevenue\n"
        "each: order.lines\n"
        "fields: {customUserId: $.user.id, idTransaction: \"join('-', [$.order.id, sku])\", currency: \"'RUB'\", "
        "total: price, eventTimestamp: unix($.occurred_at)}",
    ),
    MistakeKind(
        "no-items",
        "A route with `each` takes the event, and the list that becomes items is null or empty: nothing is sent, and "
        "the event counts as skipped by this route. That is right for an order without lines; if it is so for every "
        "event, the path is misspelt.",
        "each: order.itmes\nfields: {customUserId: $.user.id}",
        "each: order.items\nfields: {customUserId: $.user.id}",
        '{"type": "order.paid", "user": {"id": "user-1"}, "order": {"items": [{"type": "lamp"}]}}',
    ),
)
