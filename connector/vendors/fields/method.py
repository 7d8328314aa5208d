"""One table per vendor method; from it come the encoder, the JSON Schema and the fields that a route may map."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import orjson

from connector.errors import FieldError
from connector.model import Encode
from connector.vendors.fields.inspection import Inspect, Inspector, Required
from connector.vendors.fields.types import PART_KINDS, FieldType, Integer, TextMap

# Checked and coerced values → the bytes that are sent.
Write = Callable[[dict[str, Any]], bytes]


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a table. `source` quotes the vendor's document; `note` says what the document leaves open.

    An empty text is left out, as null is; where `if_empty` says what would come of that, it is refused instead.
    """

    name: str
    description: str
    type: FieldType
    source: str
    note: str = ""
    if_empty: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The fields of one vendor method.

    Of each group in `required` at least one field must have a value; of `one_of`, which is such a group too, exactly
    one. `source` quotes the vendor's document on what is required.
    """

    name: str
    title: str
    source: str
    fields: Sequence[Field]
    required: Sequence[Sequence[str]]
    write: Write
    one_of: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class VendorMethod:
    """A vendor method as a route may name it (connector.vendors.base.Method), with its JSON Schema."""

    name: str
    fields: Mapping[str, str]
    required: Sequence[Sequence[str]]
    one_of: Collection[str]
    nested: Collection[str]
    kinds: Mapping[str, Collection[str]]
    encode: Encode
    inspect: Inspect
    times: Collection[str]
    schema: Mapping[str, Any]


def vendor_method(table: Table) -> VendorMethod:
    """Return the method that a table describes."""
    return VendorMethod(
        table.name,
        MappingProxyType({field.name: f"{field.description}: {field.type.takes()}" for field in table.fields}),
        table.required,
        frozenset(table.one_of),
        _nested(table),
        MappingProxyType(_kinds(table)),
        _encoder(table),
        _inspector(table).inspect,
        frozenset(field.name for field in table.fields if isinstance(field.type, Integer) and field.type.is_time),
        MappingProxyType(_schema(table)),
    )


def _kinds(table: Table) -> dict[str, Collection[str]]:
    kinds: dict[str, Collection[str]] = {field.name: field.type.accepts_kinds() for field in table.fields}
    return kinds | {f"{field.name}.*": PART_KINDS for field in table.fields if isinstance(field.type, TextMap)}


def write_json(values: dict[str, Any]) -> bytes:
    """Return the values as one JSON object. Raises FieldError where a text is not Unicode (a lone surrogate)."""
    try:
        # A copy of the right size: what orjson returns keeps 4 KB allocated as long as it lives.
        return b"%b" % orjson.dumps(values)
    except TypeError:
        raise FieldError(
            f"{unencodable(values)} holds characters that are not Unicode (a lone surrogate)", name="not-unicode"
        ) from None


def unencodable(values: Mapping[str, Any]) -> str:
    """Return the name of the field that cannot be encoded as UTF-8."""
    for name, value in values.items():
        texts = (*value.keys(), *value.values()) if isinstance(value, dict) else (value,)
        if any(isinstance(text, str) and not _is_unicode(text) for text in texts):
            return name
    raise AssertionError("every field can be written")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _encoder(table: Table) -> Encode:
    checks = {field.name: field.type.check(field.name) for field in table.fields}
    never_empty = {field.name: field.if_empty for field in table.fields if field.if_empty}
    complete = _completeness(table)
    write = table.write

    def encode(values: dict[str, Any]) -> bytes:
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if not value and (value is None or type(value) is str):
                if name in never_empty and value is not None:
                    raise FieldError(f"{name} is empty: {never_empty[name]}", name="empty-field")
                continue
            try:
                check = checks[name]
            except KeyError:
                raise FieldError(f"{table.name} has no field {name}", name="unknown-field") from None
            coerced = check(value)
            if coerced is not None:
                checked[name] = coerced
        complete(checked, values)
        return write(checked)

    return encode


def _nested(table: Table) -> Collection[str]:
    return frozenset(field.name for field in table.fields if isinstance(field.type, TextMap))


def _inspector(table: Table) -> Inspector:
    """Return the rules one by one, each made as the encoder makes it: of a table that has this rule alone."""
    nothing_required = replace(table, required=(), one_of=())
    rules = [Required(group, _completeness(replace(nothing_required, required=(group,)))) for group in table.required]
    if table.one_of:
        rules.append(Required(table.one_of, _completeness(replace(nothing_required, one_of=table.one_of))))
    unwritten: Any = dict
    coerce: Any = _encoder(replace(nothing_required, write=unwritten))
    takes = {field.name: field.type.takes() for field in table.fields}
    return Inspector(takes, _nested(table), rules, coerce, table.write)


def _completeness(table: Table) -> Callable[[dict[str, Any], Mapping[str, Any]], None]:
    """Return the check that raises FieldError unless all fields that the method requires have a value.

    It takes the checked values, and those that were mapped, which tell why one is lacking.
    """
    takes = {field.name: field.type.takes() for field in table.fields}
    always = tuple(group[0] for group in table.required if len(group) == 1)
    groups = tuple(tuple(group) for group in table.required if len(group) > 1)
    one_of = frozenset(table.one_of)

    def complete(checked: dict[str, Any], mapped: Mapping[str, Any]) -> None:
        for name in always:
            if name not in checked:
                lack = _why_left_out(mapped.get(name), takes[name]) or "is missing or null"
                raise FieldError(f"{name} {lack}: {table.name} requires it", name="required-null")
        for group in groups:
            for name in group:
                if name in checked:
                    break
            else:
                lacks = {name: _why_left_out(mapped.get(name), takes[name]) for name in group}
                raise FieldError(
                    f"{table.name} requires one of {', '.join(group)}: {_all_lacks(lacks)}", name="required-null"
                )
        if one_of and len(one_of & checked.keys()) > 1:
            raise FieldError(
                f"{table.name} takes exactly one of {', '.join(table.one_of)}: here are several", name="one-of"
            )

    return complete


def _why_left_out(value: Any, takes: str) -> str:
    """Return why a mapped value is not sent; "" if it is null."""
    if value is None:
        return ""
    return "is empty" if value == "" else f"is left out (it takes {takes})"


def _all_lacks(lacks: Mapping[str, str]) -> str:
    """Return why none of a group's fields has a value; "" stands for one that is missing or null."""
    told = [f"{name} {lack}" for name, lack in lacks.items() if lack]
    if not told:
        return "all are missing or null"
    if len(told) < len(lacks):
        told.append("all others are missing or null" if len(lacks) - len(told) > 1 else "the other is missing or null")
    return ", ".join(told)


def _schema(table: Table) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": table.title,
        "$comment": table.source,
        "type": "object",
        "properties": {field.name: _property(field) for field in table.fields},
        "required": [group[0] for group in table.required if len(group) == 1],
        "additionalProperties": False,
    }
    for group in table.required:
        if len(group) > 1:
            rule = "oneOf" if set(group) == set(table.one_of) else "anyOf"
            schema[rule] = [{"required": [name]} for name in group]
    return schema


def _property(field: Field) -> dict[str, Any]:
    described = {"description": f"{field.description}: {field.type.takes()}", "$comment": field.source}
    if field.note:
        described["$comment"] += f" | {field.note}"
    return described | field.type.schema()
