"""Kinds of mistakes that keep an expression from being read."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "not-an-expression",
        "Something stands where it cannot stand. The message says at which column, counted from 1, and often what is "
        "missing before it.",
        "when: order. == 'paid'",
        "when: order.state == 'paid'",
    ),
    MistakeKind(
        "empty-expression",
        "Between the quotes stands nothing. To leave a field out, leave its line out.",
        'when: ""',
        "when: type == 'order.paid'",
    ),
    MistakeKind(
        "ends-too-early",
        "After the last word something must follow: a name, a value, a closing bracket.",
        "when: type ==",
        "when: type == 'order.paid'",
    ),
    MistakeKind(
        "unclosed",
        "A quote or backtick opens and is never closed.",
        "when: type == 'order.paid",
        "when: type == 'order.paid'",
    ),
    MistakeKind(
        "missing-operator",
        "Two things stand side by side with nothing between them: an operator is missing, or the single quotes around "
        "a text. Double quotes hold a field's name.",
        "when: type 'order.paid'",
        "when: type == 'order.paid'",
    ),
    MistakeKind(
        "operator-word",
        "Operators are signs here: && for and, || for or, ! for not.",
        "when: type == 'order.paid' and user.vip",
        "when: type == 'order.paid' && user.vip",
    ),
    MistakeKind(
        "single-equals",
        "Equality is written with two signs.",
        "when: type = 'order.paid'",
        "when: type == 'order.paid'",
    ),
    MistakeKind(
        "name-with-dash",
        "A name with a dash reads as a subtraction. Such a name stands in double quotes, and YAML wants single ones "
        "around those; a real subtraction has a space on both sides.",
        "fields: {customUserId: user-id}",
        "fields: {customUserId: '\"user-id\"'}",
    ),
    MistakeKind(
        "unknown-character",
        "The character means nothing in an expression. The message says how it is written here.",
        "fields: {customEventName: \"vip ? 'vip' : 'other'\"}",
        "fields: {customEventName: \"(vip && 'vip' || 'other')\"}",
    ),
    MistakeKind(
        "wrong-brackets",
        "Brackets behind a value hold a whole number, a slice such as 0:3, a * or a condition with ?.",
        'fields: {customEventName: "items[first].name"}',
        'fields: {customEventName: "items[0].name"}',
    ),
    MistakeKind(
        "broken-literal",
        "What stands in backticks is JSON, and what stands in double quotes is a name as JSON writes it. This is "
        "neither.",
        "fields: {customEventName: '`\"level 1`'}",
        "fields: {customEventName: '`\"level 1\"`'}",
    ),
    MistakeKind(
        "unknown-function",
        "There is no function of this name. [expressions.md](expressions.md) lists them all, with an example of each.",
        "fields: {customEventName: uppercase(type)}",
        "fields: {customEventName: upper(type)}",
    ),
    MistakeKind(
        "argument-count",
        "The function takes more arguments, or fewer. [expressions.md](expressions.md) says which.",
        "fields: {customEventName: cut(type)}",
        'fields: {customEventName: "cut(type, 20)"}',
    ),
    MistakeKind(
        "misplaced-ampersand",
        "A single & stands before an argument that is evaluated for each element, as in sort_by(items, &price), and "
        "nowhere else. The and of two conditions is &&.",
        'fields: {customEventName: "max_by(items, price).name"}',
        'fields: {customEventName: "max_by(items, &price).name"}',
    ),
    MistakeKind(
        "unknown-variable",
        "A name with $ is one that `let` has bound before. A field of the event has no $.",
        "fields: {customEventName: $type}",
        "fields: {customEventName: let $type = type in $type}",
    ),
    MistakeKind(
        "too-deep",
        "The expression is nested deeper than 100. Such an expression is better written as several fields.",
        f'when: "{"!" * 101}vip"',
        'when: "!vip"',
    ),
)
