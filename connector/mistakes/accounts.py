"""Kinds of mistakes in `sinks`, and in the times that sinks and the delivery share."""

from __future__ import annotations

from connector.mistakes.kind import MistakeKind

KINDS: tuple[MistakeKind, ...] = (
    MistakeKind(
        "unknown-kind",
        "The section is no mapping, or its `kind` is none that the connector knows.",
        "sinks: {mytracker: analytics}",
        "sinks: {mytracker: {kind: mytracker}}",
    ),
    MistakeKind(
        "no-start",
        "`start` takes earliest, latest or an ISO time. The time needs its zone: without one it could be hours off.",
        "sinks: {mytracker: {start: 2026-01-31T00:00:00}}",
        "sinks: {mytracker: {start: 2026-01-31T00:00:00Z}}",
    ),
    MistakeKind(
        "no-address",
        "`base_url` is a whole address, with https:// at its beginning.",
        "sinks: {mytracker: {base_url: tracker-s2s.my.com}}",
        "sinks: {mytracker: {base_url: https://tracker-s2s.my.com}}",
    ),
    MistakeKind(
        "secret-in-address",
        "An address with a password or with parameters is copied into logs and tickets. Credentials belong in `token`.",
        'sinks: {mytracker: {base_url: "https://crm:2f1c9a@tracker-s2s.my.com"}}',
        "sinks: {mytracker: {base_url: https://tracker-s2s.my.com}}",
    ),
    MistakeKind(
        "address-in-clear",
        "Over http:// everybody on the way reads the token and the events. http is for this machine alone.",
        "sinks: {mytracker: {base_url: http://tracker-s2s.my.com}}",
        "sinks: {mytracker: {base_url: https://tracker-s2s.my.com}}",
    ),
    MistakeKind(
        "missing-secret",
        "The file or variable of a secret is not there, is empty, or cannot be read here. It is a warning, because it "
        "may be there where the service runs; without it that sink sends nothing.",
        "sinks: {mytracker: {token: {file: /nowhere/token}}}",
        "sinks: {mytracker: {token: {env: MYTRACKER_TOKEN}}}",
    ),
    MistakeKind(
        "idle-sink",
        "No route leads to the sink, so that it sends nothing. Either it is left over, or the `to` of a route is "
        "missing.",
        "sinks:\n"
        "  web: {kind: mytracker, base_url: https://tracker-s2s.my.com, app_id: 667, token: {env: MYTRACKER_TOKEN}}",
        "sinks:\n"
        "  web: {kind: mytracker, base_url: https://tracker-s2s.my.com, app_id: 667, token: {env: MYTRACKER_TOKEN}}\n"
        "routes:\n"
        "  - {from: shop.orders, to: web.login, fields: {customUserId: user.id}}\n"
        "  - {from: shop.orders, to: mytracker.login, fields: {customUserId: user.id}}",
    ),
    MistakeKind(
        "rate-too-high",
        "The vendor is known to refuse more requests a second than this. What it refuses is sent again, and so the "
        "rate that arrives is lower, not higher.",
        "sinks: {sailplay: {rate: 60/s}}",
        "sinks: {sailplay: {rate: 40/s}}",
    ),
    MistakeKind(
        "commit-interval-too-long",
        "After a crash everything that was delivered since the last commit is sent again. At most a minute of it is "
        "allowed.",
        "delivery: {commit_interval: 5m}",
        "delivery: {commit_interval: 1s}",
    ),
    MistakeKind(
        "drain-too-long",
        "While a process gives its partitions up it waits as long as `drain` says. The brokers wait as long as "
        "max.poll.interval.ms says; if that is shorter, they hand the partitions on too early and events come twice.",
        "delivery: {drain: 5m}",
        "delivery: {drain: 20s}",
    ),
    MistakeKind(
        "timeout-too-long",
        "A request may take longer than the whole time that is left for stopping. It would be cut off, and nobody "
        "would know whether the vendor took it.",
        "sinks: {mytracker: {timeout: 30s}}",
        "sinks: {mytracker: {timeout: 10s}}",
    ),
    MistakeKind(
        "retry-initial-too-long",
        "The first pause of a retry is longer than the longest one.",
        "sinks: {mytracker: {retry: {initial: 1m, max: 30s}}}",
        "sinks: {mytracker: {retry: {initial: 200ms, max: 30s}}}",
    ),
    MistakeKind(
        "unknown-event",
        "The SailPlay department has no event of this key: every fire of it would be refused. `check --live` and the "
        "message list the keys that there are.",
        "to: sailplay.fire\nfields: {event_key: \"'welcom'\", email: user.email}",
        "to: sailplay.fire\nfields: {event_key: \"'welcome'\", email: user.email}",
    ),
    MistakeKind(
        "sum-without-value",
        "The SailPlay event counts sums, and without `value` every fire of it would be refused.",
        "to: sailplay.fire\nfields: {event_key: \"'order'\", email: user.email}",
        "to: sailplay.fire\nfields: {event_key: \"'order'\", email: user.email, value: order.total}",
    ),
)
