"""Routes that say something else than was meant: `run` starts with them, and `check` warns."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "bare-literal",
        "A bare true, false or null is a field of that name, which nearly no event has: it is null, and null equals "
        "null. So user.vip == true takes exactly those who are no VIPs. A value stands in backticks.",
        "when: user.vip == true",
        "when: user.vip == `true`",
    ),
    MistakeKind(
        "double-quoted-text",
        'Double quotes hold the name of a field, such as "user-id"; a text stands in single quotes. Compared with a '
        "field that no event has, a route takes nothing, for ever.",
        'when: type == "order.paid"',
        "when: type == 'order.paid'",
    ),
    MistakeKind(
        "unquoted-text",
        "A text without quotes (a currency, a key, a type, an option of a function) is a field of that name. YAML "
        "takes one pair of quotes away, so a constant needs two: single ones inside double ones.",
        "fields: {customEventParams: {currency: RUB}}",
        "fields: {customEventParams: {currency: \"'RUB'\"}}",
    ),
    MistakeKind(
        "unlikely-text",
        "A text stands for itself, character by character: == knows no patterns, quotes and blanks inside belong to "
        "the text, and nothing is put in place of ${user.id}.",
        "when: type == 'order.*'",
        "when: starts_with(type, 'order.')",
    ),
    MistakeKind(
        "constant-condition",
        "A condition that reads nothing of the event takes all events or none; and a number is true, 0 too, so that "
        "length(items) alone is always true.",
        "when: type == 'order.paid' && length(items)",
        "when: type == 'order.paid' && length(items) > 0",
    ),
    MistakeKind(
        "text-beside-or",
        "Each side of || and && stands for itself: a text alone is true, and so type == 'a' || 'b' takes every event.",
        "when: type == 'order.paid' || 'order.closed'",
        "when: contains(['order.paid', 'order.closed'], type)",
    ),
    MistakeKind(
        "unreachable-default",
        "|| gives its first operand that is true. A text or a number is true, so what stands behind it never counts: a "
        "default comes last.",
        "fields: {customEventParams: {city: \"'unknown' || user.city\"}}",
        "fields: {customEventParams: {city: \"user.city || 'unknown'\"}}",
    ),
    MistakeKind(
        "text-order",
        "Texts are ordered by their characters: '9' comes after '100', and a time in another zone or form anywhere. A "
        "number that meets a text is a mistake, and the event a dead letter. Compare numbers, and times by unix().",
        "when: total > '100'",
        "when: total > 100",
    ),
    MistakeKind(
        "not-precedence",
        "! belongs to the name behind it alone: !a.b is b of (!a), and null; !a == b compares true or false with b.",
        "when: '!user.blocked'",
        "when: '!(user.blocked)'",
    ),
    MistakeKind(
        "single-pipe",
        "a | b evaluates b on the result of a; that of a condition is true or false, which has no fields. Or is ||.",
        "when: type == 'order.paid' | type == 'order.closed'",
        "when: type == 'order.paid' || type == 'order.closed'",
    ),
    MistakeKind(
        "never-right-argument",
        "A function or an operator gets what it refuses whatever the event holds, so that every event becomes a dead "
        "letter (unmappable).",
        "fields: {eventTimestamp: \"unix(at, 'sec')\"}",
        "fields: {eventTimestamp: unix(at)}",
    ),
    MistakeKind(
        "swapped-arguments",
        "contains(), starts_with() and ends_with() take what is looked in first, and what is looked for second.",
        "when: starts_with('order.', type)",
        "when: starts_with(type, 'order.')",
    ),
    MistakeKind(
        "never-equal",
        "Values of two kinds are never equal, and neither is the result of lower() and a text with a capital: the "
        "comparison comes out the same for every event.",
        "when: length(items) == '3'",
        "when: length(items) == 3",
    ),
    MistakeKind(
        "never-true",
        "A condition that no event can fulfil takes nothing: nothing is both of two texts. Or is ||.",
        "when: type == 'order.paid' && type == 'order.closed'",
        "when: type == 'order.paid' || type == 'order.closed'",
    ),
    MistakeKind(
        "always-true",
        "A condition that every event fulfils takes all: whatever the type is, it is not one of two. And is &&.",
        "when: type != 'order.paid' || type != 'order.closed'",
        "when: type != 'order.paid' && type != 'order.closed'",
    ),
    MistakeKind(
        "overlaps-route",
        "Every route that fits sends, not only the first one. Where one route takes all that another takes, as the "
        "same method of the same sink, the vendor gets those events twice: points are given twice.",
        """routes:
  - {from: shop.orders, to: mytracker.customEvent, fields: {customUserId: user.id, customEventName: type}}
  - from: shop.orders
    when: type == 'order.paid'
    to: mytracker.customEvent
    fields: {customUserId: user.id, customEventName: type}""",
        """routes:
  - from: shop.orders
    when: type != 'order.paid'
    to: mytracker.customEvent
    fields: {customUserId: user.id, customEventName: type}
  - from: shop.orders
    when: type == 'order.paid'
    to: mytracker.customEvent
    fields: {customUserId: user.id, customEventName: type}""",
    ),
    MistakeKind(
        "unknown-accept",
        "accept names warnings of check that are meant so in this route; a name that no warning has silences nothing.",
        "accept: [overlap-route]",
        "accept: [overlaps-route]",
    ),
)

# Seen only in the text of the file.
FILE_KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "empty-condition",
        "A when without a value takes every event, as no when does. YAML reads what begins with & or # as empty.",
        "when: &vip",
        "when: vip",
    ),
    MistakeKind(
        "quoted-name",
        "YAML takes one pair of quotes away, and what is left of 'purchase' is a path to a field of that name. A text "
        "needs two pairs: single quotes inside double ones.",
        "fields: {customEventName: 'purchase'}",
        "fields: {customEventName: \"'purchase'\"}",
    ),
)

# Seen only with `check --sample`: the pieces are right by themselves.
SAMPLE_KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "unrouted-type",
        "The sample has a type of event that no route names, and no route takes those events. Name it in a route, or "
        "leave it: what no route takes is skipped, or a dead letter where delivery.unrouted says so.",
        "when: type == 'order.payed'",
        "when: type == 'order.paid'",
        '{"type": "order.paid", "user": {"id": "user-1"}}',
    ),
    MistakeKind(
        "takes-none-of-sample",
        "Of all events of the sample the route takes none: its condition compares with what events do not have, or the "
        "sample holds none of its kind.",
        "when: kind == 'order.paid'",
        "when: type == 'order.paid'",
        '{"type": "order.paid", "user": {"id": "user-1"}}',
    ),
    MistakeKind(
        "always-null",
        "A field is null in every event of the sample that the route takes, and so is left out of what is sent: a name "
        "is misspelt, or a text stands without its single quotes.",
        "fields: {customEventParams: {city: user.ctiy}}",
        "fields: {customEventParams: {city: user.city}}",
        '{"type": "order.paid", "user": {"id": "user-1", "city": "Perm"}}',
    ),
)
