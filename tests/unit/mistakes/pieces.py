"""Pieces of configurations from the catalogue, put into a whole one, and the names of what is then said of it."""

from __future__ import annotations

import copy
import re
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import typer
import yaml

from connector.cli.check import check
from connector.config.file_model import File
from connector.config.yaml_file import parse_tree
from connector.errors import DecodeError, ExpressionError, FieldError
from connector.expressions import compile_condition, compile_expression
from connector.model import Failure, Reason, Record
from connector.routing.decode import decode
from connector.service.assembly import build_routers
from connector.settings.values import Route, Settings
from connector.vendors.registry import VENDORS

# The name at the end of a message.
_NAME = re.compile(r" \[([a-z0-9-]+)\]$")
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
    keys = _keys(piece)
    if not keys & _FILE_KEYS:
        return _with_route(piece, keys)
    tree, twice = parse_tree(piece)
    return _spliced(piece, keys) if twice else _dumped(_merged(tree))


def _keys(piece: str) -> set[str]:
    return set(re.findall(r"^([A-Za-z_]+):", piece, re.MULTILINE))


def _dumped(tree: dict[str, Any]) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def _with_route(piece: str, keys: set[str]) -> str:
    """Return the base with the piece's keys in its route, by text: how YAML reads them may be what is wrong."""
    route: dict[str, Any] = copy.deepcopy(BASE["routes"][0])
    fields = {name: value for name, value in route["fields"].items() if f"{name}:" not in piece}
    if "to" not in keys and fields:
        piece = piece.replace("fields: {", f"fields: {{{', '.join(f'{name}: {fields[name]}' for name in fields)}, ", 1)
    lines = _dumped({key: value for key, value in route.items() if key not in keys}) + piece
    target = re.search(r"^to: (\w+)", lines, re.MULTILINE)
    used = target[1] if target and target[1] in BASE["sinks"] else "mytracker"
    tree = {**BASE, "sinks": {used: BASE["sinks"][used]}}
    del tree["routes"]
    indented = "\n    ".join(lines.splitlines())
    return f"{_dumped(tree)}routes:\n  - {indented}\n"


def _spliced(piece: str, keys: set[str]) -> str:
    """Return the base with the piece's sections for its own, by text: YAML would forget a part of the piece."""
    tree = {**BASE, "sinks": {"mytracker": BASE["sinks"]["mytracker"]}}
    return f"{_dumped({key: value for key, value in tree.items() if key not in keys})}{piece}\n"


def _merged(piece: dict[str, Any]) -> dict[str, Any]:
    """Return the base with the piece's sections merged in; sinks that are then neither used nor named are left out."""
    tree: dict[str, Any] = copy.deepcopy(BASE)
    if "sailplay" in piece.get("sinks", {}) and "routes" not in piece:
        tree["routes"].append(copy.deepcopy(_FIRE))
    _merge(tree, piece)
    if "routes" in piece and "topics" in piece:  # such routes need not read the base's topic
        tree["topics"] = piece["topics"]
    used = {str(route.get("to", "")).partition(".")[0] for route in tree["routes"]} | piece.get("sinks", {}).keys()
    kept = used & tree["sinks"].keys() or {"mytracker"}
    tree["sinks"] = {name: sink for name, sink in tree["sinks"].items() if name in kept}
    return tree


def _merge(base: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if key != "token" and isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def names_in_configuration(file: Path, **options: Any) -> set[str]:
    """Return the kinds of what `check` says of a file: its mistakes, and of a file without any its warnings."""
    with redirect_stdout(StringIO()) as printed, suppress(typer.Exit):
        check(file, **options)
    lines = printed.getvalue().splitlines()
    said = [(line.startswith("warning: "), match[1]) for line in lines if (match := _NAME.search(line))]
    return {name for is_warning, name in said if not is_warning} or {name for _, name in said}


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
