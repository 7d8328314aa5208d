"""Mistakes that the schema of a topic reveals: an expression asks for what no event can have."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

_ORDERS = "topics: {shop.orders: {schema: schemas/events/order.json}}"
_EVENT = "from: shop.orders, to: mytracker.customEvent"
_WHO = "customUserId: user.id"


def _orders(route: str) -> str:
    """Return a piece of a configuration: one route of orders, whose topic has a schema."""
    return f"{_ORDERS}\nroutes:\n  - {{{_EVENT}, {route}}}"


KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "unlisted-field",
        "The schema of the topic does not list a name that an expression uses. With additionalProperties: false no "
        "event has it, and it is null always; else it is null unless events hold more than the schema lists. Mostly "
        "it is misspelt, or stands a step deeper.",
        wrong=_orders(f"fields: {{{_WHO}, customEventName: typ}}"),
        right=_orders(f"fields: {{{_WHO}, customEventName: type}}"),
    ),
    MistakeKind(
        "schema-type",
        "By the schema of the topic a value is never of the kind that an expression needs: a path goes on below a "
        "text, a function or an operator takes another kind, a comparison can never be true. number(x) reads a number "
        "from a text, text(x) makes a text of a number.",
        wrong=_orders(f"when: \"starts_with(order.total, '1')\", fields: {{{_WHO}, customEventName: type}}"),
        right=_orders(f"when: order.total > 100, fields: {{{_WHO}, customEventName: type}}"),
    ),
    MistakeKind(
        "not-in-enum",
        "An expression compares a value with one that the schema of the topic does not allow, by enum, const, pattern "
        "or a limit: it is never that.",
        wrong=_orders(f"when: type == 'Order paid', fields: {{{_WHO}, customEventName: type}}"),
        right=_orders(f"when: type == 'order.paid', fields: {{{_WHO}, customEventName: type}}"),
    ),
    MistakeKind(
        "may-be-null",
        "The vendor requires a field, and by the schema of the topic its expression may be null. An event of which it "
        "is null becomes a dead letter (unmappable). Leave such events out by `when`, give a default with ||, or make "
        "the property required in the schema.",
        wrong="topics: {accounts: {schema: schemas/events/account.json}}\n"
        "routes:\n  - {from: accounts, to: mytracker.registration, fields: {customUserId: user.email}}",
        right="topics: {accounts: {schema: schemas/events/account.json}}\n"
        "routes:\n  - {from: accounts, when: user.email, to: mytracker.registration, "
        "fields: {customUserId: user.email}}",
    ),
    MistakeKind(
        "wrong-field-type",
        "By the schema of the topic an expression gives a value of a kind that the vendor's field never takes: an "
        "object for a text, a boolean for a number. Every event would become a dead letter (unmappable).",
        wrong=_orders("fields: {customUserId: user, customEventName: type}"),
        right=_orders("fields: {customUserId: user.id, customEventName: type}"),
    ),
)
