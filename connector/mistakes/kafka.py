"""Kinds of mistakes in `kafka` and `topics`: what is read from the brokers, and by which settings."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "unknown-kafka-setting",
        "librdkafka, the client library, has no setting of this name. Names of the Java client often differ.",
        "kafka: {client.idd: crm}",
        "kafka: {client.id: crm}",
    ),
    MistakeKind(
        "kafka-value",
        "The setting exists, but does not take this value.",
        "kafka: {fetch.min.bytes: many}",
        "kafka: {fetch.min.bytes: 1024}",
    ),
    MistakeKind(
        "kafka-guarantee",
        "The connector sets this itself, because another value would lose events, double them or disturb their order. "
        "Leave it out.",
        "kafka: {bootstrap.servers: localhost:9092, enable.auto.commit: true}",
        "kafka: {bootstrap.servers: localhost:9092}",
    ),
    MistakeKind(
        "kafka-contradiction",
        "Each setting is right by itself, but librdkafka does not take them together.",
        "kafka: {session.timeout.ms: 400000}",
        "kafka: {session.timeout.ms: 45000}",
    ),
    MistakeKind(
        "missing-file",
        "The setting names a file or directory that this machine does not have. It is a warning, because it may be "
        "there where the service runs.",
        "kafka: {ssl.ca.location: /nowhere/ca.pem}",
        "kafka: {ssl.ca.location: probe}",
    ),
    MistakeKind(
        "read-uncommitted",
        "Producers that use transactions may take events back. With this setting those are sent all the same, and what "
        "a vendor has booked stays booked.",
        "kafka: {isolation.level: read_uncommitted}",
        "kafka: {isolation.level: read_committed}",
    ),
    MistakeKind(
        "shared-instance-id",
        "An instance id belongs to one process. A second process that starts from the same file shuts the first one "
        "out of the group. Leave it out unless each process has its own.",
        "kafka: {bootstrap.servers: localhost:9092, group.instance.id: connector}",
        "kafka: {bootstrap.servers: localhost:9092}",
    ),
    MistakeKind(
        "instance-id-refused",
        "In the newer group protocol the brokers refuse the next process of an instance id until the session of the "
        "one that was killed has run out. Nothing is sent in the meantime. `run` starts with it, as it always did.",
        "kafka: {group.protocol: consumer, group.instance.id: connector-0}",
        "kafka: {group.protocol: consumer}",
    ),
    MistakeKind(
        "unread-topic",
        "No route reads the topic. Either it is left over, or the `from` of a route is missing.",
        "topics: {shop.carts: {}, shop.orders: {}}",
        "topics: {shop.orders: {}}",
    ),
    MistakeKind(
        "own-topic",
        "The topic is the connector's own: its dead letters, or the receipts of replays. If it read them, each failure "
        "would make the next one.",
        "topics: {crm.dead-letters: {}}",
        "topics: {shop.orders: {}}",
    ),
    MistakeKind(
        "topic-pattern",
        "A name that begins with ^ is a pattern. It must mean the same to the brokers' client and to the connector: "
        "write [0-9] for a digit, and no \\d, no (?…) and no [:digit:].",
        "topics: {'^shop[.]o\\d+$': {}}\n"
        "routes:\n"
        "  - {from: '^shop[.]o\\d+$', to: mytracker.login, fields: {customUserId: user.id}}",
        "topics: {'^shop[.]o[0-9]+$': {}}\n"
        "routes:\n"
        "  - {from: '^shop[.]o[0-9]+$', to: mytracker.login, fields: {customUserId: user.id}}",
    ),
    MistakeKind(
        "unusable-schema",
        "The file is not there, is not JSON, is no JSON Schema, or refers to other files. A relative path begins where "
        "the configuration lies. Nothing stands in for a file that is not there.",
        "topics: {shop.orders: {schema: schemas/events/oder.json}}",
        "topics: {shop.orders: {schema: schemas/events/order.json}}",
    ),
    MistakeKind(
        "example-schema",
        "The configuration still has the example's topic and schema, and there is no such file. Until you put your own "
        "there, the topic's events are checked against the example's schema: yours may not match it.",
        "topics: {accounts.users: {schema: schemas/events/user.json}}\n"
        "routes:\n"
        "  - {from: accounts.users, to: mytracker.login, fields: {customUserId: user.id}}",
        "topics: {accounts.users: {}}\n"
        "routes:\n"
        "  - {from: accounts.users, to: mytracker.login, fields: {customUserId: user.id}}",
    ),
    MistakeKind(
        "costly-schema",
        "The schema can ask for more work than one event may cost. An event that reaches the limit becomes a dead "
        "letter. Tell alternatives apart by the names of their properties, and bound arrays and texts.",
        "topics: {shop.orders: {schema: alternatives-alike.json}}",
        "topics: {shop.orders: {schema: alternatives-apart.json}}",
    ),
)
