"""Kinds of mistakes in the form of the configuration: the file, its keys, and the values that keys take."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "unreadable-file",
        "The configuration cannot be read: there is no such file, it may not be opened, or it is not UTF-8 text. "
        "The paths are those of the command line.",
        "connector check --config conector.yaml",
        "connector check --config connector.yaml",
    ),
    MistakeKind(
        "no-configuration",
        "The file is empty, or it is a list or a text. A configuration is a mapping: keys with values. "
        "`connector example` prints one to start from.",
        "- kafka\n- group",
        "kafka: {bootstrap.servers: localhost:9092}\ngroup: crm",
    ),
    MistakeKind(
        "not-yaml",
        "The text does not follow the rules of YAML. A value with a colon and a space, or one that begins with a "
        "character such as `@`, `!` or `*`, stands between quotes; indents are spaces, never tabs.",
        "when: type == 'note: paid'",
        "when: \"type == 'note: paid'\"",
    ),
    MistakeKind(
        "duplicate-key",
        "The same key stands twice in one mapping. YAML takes the last one and forgets the first without a word, so "
        "that half of what was meant is lost.",
        "group: crm\ngroup: crm-new",
        "group: crm-new",
    ),
    MistakeKind(
        "unknown-key",
        "There is no such key here. It is misspelt, or it is indented too little or too much and so stands in another "
        "section than the one it belongs to.",
        "delivery: {drian: 30s}",
        "delivery: {drain: 30s}",
    ),
    MistakeKind(
        "missing-key",
        "A key that has no default is not there. The message says what it is for.",
        "routes:\n  - {from: shop.orders, fields: {customUserId: user.id}}",
        "routes:\n  - {from: shop.orders, to: mytracker.login, fields: {customUserId: user.id}}",
    ),
    MistakeKind(
        "wrong-type",
        "The value is of another type than the key takes: a text instead of a number, one value instead of a list. "
        'YAML reads 8080 as a number and "8080" as a text.',
        'http: {port: "8080"}',
        "http: {port: 8080}",
    ),
    MistakeKind(
        "wrong-value",
        "The key takes one of a few values, or a value of a certain form, and this is none of them. The message lists "
        "what it takes.",
        "delivery: {unrouted: drop}",
        "delivery: {unrouted: skip}",
    ),
    MistakeKind(
        "out-of-range",
        "The number, time or size is smaller or larger than the key takes. Some limits are the vendor's own.",
        "http: {port: 80800}",
        "http: {port: 8080}",
    ),
    MistakeKind(
        "empty-value",
        "A text, list or mapping that must hold something holds nothing.",
        'group: ""',
        "group: crm",
    ),
    MistakeKind(
        "wrong-unit",
        "A time, size, share or rate is written without its unit, or with one that does not exist. Times end with ms, "
        "s, m or h; sizes with KiB, MiB or GiB; shares with %; rates with /s.",
        "delivery: {drain: 20}",
        "delivery: {drain: 20s}",
    ),
    MistakeKind(
        "wrong-name",
        "The name of a topic or sink, or a path of `redact`, holds a character that it may not hold. Topics have "
        "letters, digits, dots, - and _; sinks the same without dots; a path is names joined by dots.",
        "dead_letters: crm dead letters",
        "dead_letters: crm.dead-letters",
    ),
    MistakeKind(
        "literal-secret",
        "A token or password stands in the file itself, where everybody reads it. A secret is the path of a file or "
        "the name of an environment variable. A secret that was written into a file should be replaced by a new one.",
        "sinks: {mytracker: {token: 2f1c9a}}",
        "sinks: {mytracker: {token: {env: MYTRACKER_TOKEN}}}",
    ),
    MistakeKind(
        "secret-reference",
        "`file:` takes the path of a file, `env:` the bare name of an environment variable, without $ and braces.",
        "sinks: {mytracker: {token: {env: $MYTRACKER_TOKEN}}}",
        "sinks: {mytracker: {token: {env: MYTRACKER_TOKEN}}}",
    ),
)
