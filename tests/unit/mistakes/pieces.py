"""Pieces of configurations from the catalogue, put into a whole one, and the names of what is then said of it."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from connector.config.file_model import File
from connector.config.load import load
from connector.config.warnings import refusals, warnings
from connector.config.yaml_file import parse_tree
from connector.errors import ConfigError, DecodeError, ExpressionError, FieldError
from connector.expressions import compile_condition, compile_expression
from connector.model import Failure, Reason, Record
from connector.routing.decode import decode
from connector.service.assembly import build_routers
from connector.settings.values import Route, Settings
from connector.vendors.registry import VENDORS

_FILE_KEYS = frozenset(field.alias or name for name, field in File.model_fields.items())
BASE: dict[str, Any] = yaml.safe_load("""
kafka: {bootstrap.servers: localhost:9092}
group: crm
dead_letters: crm.dead-letters
topics:
  shop.orders: {}
sinks:
  mytracker: {kind: mytracker, base_url: https://tracker-s2s.my.com, app_id: 666, token: {env: MYTRACKER_TOKEN}}
  sailplay: {kind: sailplay, base_url: https://sailplay.ru, store_department_id: 11, token: {env: SAILPLAY_TOKEN}}
routes:
  - {from: shop.orders, to: mytracker.customEvent, fields: {customUserId: user.id, customEventName: type}}
""")
# Added where a piece names the sink, which else no route would use.
_FIRE = {"from": "shop.orders", "to": "sailplay.fire", "fields": {"event_key": "'k'", "email": "user.email"}}
# Reasons of a dead letter that say what kind of mistake it is.
_SPEAKING = {Reason.UNDECODABLE, Reason.SCHEMA, Reason.UNROUTED, Reason.OVERSIZE}


def configuration(piece: str) -> str:
    """Return the text of a whole configuration with a piece of the catalogue in it."""
    try:
        tree, twice = parse_tree(piece)
    except ConfigError:
        return _spliced(piece)
    return _spliced(piece) if twice else yaml.safe_dump(_merged(tree), sort_keys=False, allow_unicode=True)


def _merged(piece: dict[str, Any]) -> dict[str, Any]:
    """Return the base with the piece merged in; sinks that are then neither used nor named are left out."""
    tree = copy.deepcopy(BASE)
    of_file = {key: value for key, value in piece.items() if key in _FILE_KEYS}
    of_route = {key: value for key, value in piece.items() if key not in _FILE_KEYS}
    if "sailplay" in of_file.get("sinks", {}) and "routes" not in of_file:
        tree["routes"].append(copy.deepcopy(_FIRE))
    _merge(tree, of_file)
    if "routes" in of_file and "topics" in of_file:  # such routes need not read the base's topic
        tree["topics"] = of_file["topics"]
    route = tree["routes"][0]
    if "to" in of_route:
        route.pop("fields")
    _merge(route, of_route)
    used = {str(each.get("to", "")).partition(".")[0] for each in tree["routes"]} | of_file.get("sinks", {}).keys()
    if not used.isdisjoint(tree["sinks"]):
        tree["sinks"] = {name: sink for name, sink in tree["sinks"].items() if name in used}
    else:
        del tree["sinks"]["sailplay"]
    return tree


def _merge(base: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if key != "token" and isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _spliced(piece: str) -> str:
    """Return the same by text, for a piece that is no YAML or of which YAML would forget a part."""
    keys = set(re.findall(r"^([A-Za-z_]+):", piece, re.MULTILINE))
    tree = copy.deepcopy(BASE)
    del tree["sinks"]["sailplay"]
    if keys & _FILE_KEYS:
        rest = {key: value for key, value in tree.items() if key not in keys}
        return f"{yaml.safe_dump(rest, sort_keys=False)}{piece}\n"
    (route,) = tree.pop("routes")
    lines = yaml.safe_dump({key: value for key, value in route.items() if key not in keys}, sort_keys=False) + piece
    indented = "\n    ".join(lines.splitlines())
    return f"{yaml.safe_dump(tree, sort_keys=False)}routes:\n  - {indented}\n"


def names_in_configuration(file: Path) -> set[str]:
    """Return the kinds of what `check` says of a file: its mistakes; without any its refusals, else its warnings."""
    try:
        settings = load(file)
    except ConfigError as error:
        return {mistake.name for mistake in error.mistakes}
    return {mistake.name for mistake in refusals(settings) or warnings(settings)}


def names_on_event(settings: Settings, value: bytes, **of_record: Any) -> set[str]:
    """Return the kinds of what goes wrong when the first route meets an event."""
    route = settings.routes[0]
    record = Record(route.topics[0], 0, 0, 1_772_355_600_000, None, value, ())._replace(**of_record)
    routers = build_routers(settings, [route.sink])
    failures = [each for each in routers[route.sink].route(record) if isinstance(each, Failure)]
    reasons = {str(each.reason) for each in failures if each.reason in _SPEAKING}
    if reasons:
        return reasons
    try:
        return _names_of_mapping(settings, route, decode(value), record)
    except DecodeError:
        return {"undecodable"}


def _names_of_mapping(settings: Settings, route: Route, event: dict[str, Any], record: Record) -> set[str]:
    try:
        if route.when is not None and not compile_condition(route.when).holds(event, record):
            return {"not-taken"}
    except ExpressionError as error:
        return {error.name}
    names: set[str] = set()
    mapped: dict[str, Any] = {}
    for field, expression in route.fields.items():
        if isinstance(expression, str):
            mapped[field] = _value(expression, event, record, names)
        else:
            mapped[field] = {key: _value(each, event, record, names) for key, each in expression.items()}
    if names:
        return names
    method = VENDORS[settings.sinks[route.sink].kind].methods[route.method]
    try:
        method.encode(mapped)
    except FieldError as error:
        return {error.name}
    nested = [value for each in mapped.values() if isinstance(each, dict) for value in each.values()]
    return {"null-field"} if None in (*mapped.values(), *nested) else set()


def _value(expression: str, event: dict[str, Any], record: Record, names: set[str]) -> Any:
    try:
        return compile_expression(expression)(event, record)
    except ExpressionError as error:
        names.add(error.name)
        return None
