"""A configuration with routes to both vendors, and the run of tests that are written in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from connector.config.load import load
from connector.service.route_tests.cases import load_cases
from connector.service.route_tests.report import as_json, explanation
from connector.service.route_tests.suite import SuiteResult, run_cases

CONFIG = """
kafka: {bootstrap.servers: "127.0.0.1:1"}
group: crm
dead_letters: crm.dead-letters
topics: {users: {schema: user.json}, orders: {}, old.orders: {}, "^game[.].*": {}}
sinks:
  mytracker:
    kind: mytracker
    base_url: http://127.0.0.1:1
    app_id: 1
    token: {file: /no/such/secret}
  sailplay:
    kind: sailplay
    base_url: http://127.0.0.1:1
    store_department_id: 11
    token: {env: NO_SUCH_TOKEN}
routes:
  - from: users
    when: type == 'user.registered'
    to: mytracker.registration
    fields: {customUserId: user.id, eventTimestamp: unix(at)}
  - name: revenue
    from: [orders, old.orders]
    when: type == 'order.paid'
    to: mytracker.customRevenue
    fields: {customUserId: user.id, idTransaction: order, currency: "'RUB'", total: total, eventTimestamp: unix(at)}
  - name: points
    from: orders
    when: type == 'order.paid' && total > `100`
    to: sailplay.fire
    fields: {origin_user_id: user.id, event_key: "'k'", value: total}
  - name: play
    from: "^game[.].*"
    to: mytracker.customEvent
    fields:
      customUserId: user.id
      customEventName: name
      customEventParams: {level: level, mail: mail, key: key(), trace: header('trace'), at: timestamp()}
"""
# One event in YAML's flow style, for cases that are not about it.
ORDER = "{type: order.paid, at: 1772355600, user: {id: u}, order: o1, total: 250.5}"


def configure(directory: Path, **changes: Any) -> Path:
    """Write the configuration, with some sections changed; return its file."""
    (directory / "user.json").write_text('{"required": ["at"]}', encoding="utf-8")
    path = directory / "crm.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(CONFIG), **changes}, sort_keys=False), encoding="utf-8")
    return path


def write_tests(directory: Path, cases: str, name: str = "crm.tests.yaml") -> Path:
    """Write a tests file whose cases are given as text, indented as they please; return it."""
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"tests:\n{cases}", encoding="utf-8")
    return path


def run(directory: Path, cases: str, **changes: Any) -> SuiteResult:
    """Run cases under the configuration."""
    settings = load(configure(directory, **changes))
    return run_cases(settings, load_cases(settings, [write_tests(directory, cases)], 1_772_355_600.0))


def problems(directory: Path, cases: str, **changes: Any) -> list[str]:
    """Return what is said of every case that fails, line by line."""
    result = run(directory, cases, **changes)
    return [line for each in result.results for line in explanation(each, result.routes)]


def plain(result: SuiteResult) -> dict[str, Any]:
    """Return the results as programs get them."""
    return as_json(result, cover=False)
