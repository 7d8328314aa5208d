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
        "fields: {customUserId: $.user.id, idTransaction: $.order.id, currency: \"'RUB'\", total: price}",
        "to: mytracker.customRevenue\n"
        "each: order.lines\n"
        "fields: {customUserId: $.user.id, idTransaction: \"join('-', [$.order.id, sku])\", currency: \"'RUB'\", "
        "total: price}",
    ),
)
