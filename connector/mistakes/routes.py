"""Kinds of mistakes in `routes`: where a route reads, where it leads, and which fields it fills."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "unknown-topic",
        "`from` names a topic that does not stand in `topics`. The connector reads only what stands there.",
        "from: [shop.orders, shop.order]",
        "from: [shop.orders]",
    ),
    MistakeKind(
        "topic-twice",
        "The same topic stands twice in one `from`.",
        "from: [shop.orders, shop.orders]",
        "from: [shop.orders]",
    ),
    MistakeKind(
        "wrong-target",
        "`to` is the name of a sink, a dot, and a method of its vendor. One of the two does not exist.",
        "to: mytracker.customevent\nfields: {customUserId: user.id, customEventName: type}",
        "to: mytracker.customEvent\nfields: {customUserId: user.id, customEventName: type}",
    ),
    MistakeKind(
        "duplicate-route-name",
        "Two routes have one name, so that metrics, dead letters and replays could not tell them apart.",
        "routes:\n"
        "  - {name: users, from: shop.orders, to: mytracker.login, fields: {customUserId: user.id}}\n"
        "  - {name: users, from: shop.orders, to: mytracker.registration, fields: {customUserId: user.id}}",
        "routes:\n"
        "  - {name: logins, from: shop.orders, to: mytracker.login, fields: {customUserId: user.id}}\n"
        "  - {name: users, from: shop.orders, to: mytracker.registration, fields: {customUserId: user.id}}",
    ),
    MistakeKind(
        "unknown-field",
        "The vendor's method has no such field. Names are exact, capital letters included.",
        "fields: {customEventname: type}",
        "fields: {customEventName: type}",
    ),
    MistakeKind(
        "missing-field",
        "The vendor requires the field, or one of several, and no expression fills it.",
        "to: mytracker.customEvent\nfields: {customEventName: type}",
        "to: mytracker.customEvent\nfields: {customEventName: type, customUserId: user.id}",
    ),
    MistakeKind(
        "nested-field",
        "Only a field that takes an object may be mapped part by part. This one takes a single value.",
        "fields: {age: {years: user.age}}",
        "fields: {age: user.age}",
    ),
    MistakeKind(
        "one-of",
        "The vendor takes exactly one of these fields. With two it would not know whom the event is about.",
        "to: sailplay.fire\nfields: {event_key: \"'welcome'\", email: user.email, origin_user_id: user.id}",
        "to: sailplay.fire\nfields: {event_key: \"'welcome'\", origin_user_id: user.id}",
    ),
    MistakeKind(
        "bare-value",
        "`when` and `fields` take expressions, and a bare number or true is a value of YAML. As a value of an "
        "expression it stands in backticks, and YAML wants quotes around those.",
        "fields: {age: 18}",
        'fields: {age: "`18`"}',
    ),
    MistakeKind(
        "no-expression",
        "`when` and `fields` take expressions, and this is a list, or nothing at all.",
        "when: [type, user]",
        "when: type == 'order.paid'",
    ),
    MistakeKind(
        "constant-transaction-id",
        "The vendor takes two payments with one transaction id for one payment. Here every payment gets the same id, "
        "and all but the first are lost.",
        "to: mytracker.customRevenue\n"
        "fields:\n"
        "  customUserId: user.id\n"
        "  idTransaction: \"'order'\"\n"
        "  currency: order.currency\n"
        "  total: order.total\n"
        "  eventTimestamp: unix(occurred_at)",
        "to: mytracker.customRevenue\n"
        "fields:\n"
        "  customUserId: user.id\n"
        "  idTransaction: order.id\n"
        "  currency: order.currency\n"
        "  total: order.total\n"
        "  eventTimestamp: unix(occurred_at)",
    ),
)
