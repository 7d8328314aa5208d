"""Whole configurations around the routes that a test is about."""

from __future__ import annotations

from pathlib import Path

HEAD = """kafka: {bootstrap.servers: localhost:9092}
group: crm
dead_letters: crm.dead-letters
topics:
  shop.orders: {}
sinks:
  mytracker: {kind: mytracker, base_url: https://tracker.example, app_id: 1, token: {file: token}}
  sailplay: {kind: sailplay, base_url: https://loyalty.example, store_department_id: 11, token: {file: token}}
"""
# Keeps each sink in use, and takes nothing.
IDLE = """  - {from: shop.orders, when: type == 'never.m', to: mytracker.login, fields: {customUserId: user.id}}
  - {from: shop.orders, when: type == 'never.s', to: sailplay.fire, fields: {event_key: "'n'", email: user.email}}
"""
FIELDS = "fields: {customUserId: user.id, customEventName: type}"


def written(directory: Path, routes: str, *, idle: str = IDLE) -> Path:
    """Write a configuration with these routes, the first of which is routes[0], and with the secrets that it names."""
    (directory / "token").write_text("t\n")
    path = directory / "connector.yaml"
    path.write_text(f"{HEAD}routes:\n{routes}{idle}", encoding="utf-8")
    return path
