"""The needs of daily life, each with the expression to write: a part of the documentation, run by its test."""

from __future__ import annotations

from typing import Any

from connector.model import Record

EVENT: dict[str, Any] = {
    "type": "order.paid",
    "user": {"id": "user-1", "email": " Anna.Test@Example.COM ", "phone": "8 (999) 123-45-67", "country": "ru"},
    "order": {
        "id": 17,
        "total_minor": 149990,
        "total_text": "1 499,90",
        "currency": "rub",
        "note": "Leave it at the door, please",
        "items": [{"sku": "kettle-3", "price": 1.25, "quantity": 3}, {"sku": "cup", "price": 2.1, "quantity": 2}],
        "attributes": [{"name": "size", "value": "XL"}, {"name": "colour", "value": "red"}],
    },
    "at_ms": 1769860800123,
    "at_us": 1769860800123456,
    "at_ns": 1769860800123456789,
    "day": 20484,
    "payload": '{"user": {"id": "user-1"}}',
    "token": "0L/RgNC40LLQtdGC",
}
RECORD = Record("shop.orders", 0, 0, 1_769_850_001_500, b"user-1", None, (("trace", b"t-1"),))

NEEDS: tuple[tuple[str, str], ...] = (
    ("money in minor units", "order.total_minor / 100"),
    ("milliseconds", "unix(at_ms, 'ms')"),
    ("microseconds", "unix(at_us, 'us')"),
    ("nanoseconds", "unix(at_ns, 'ns')"),
    ("days since 1970", "unix(day, 'days')"),
    ("upper case", "upper(order.currency)"),
    ("hash of a trimmed, lower-cased address", "let $e = lower(trim(user.email)) in $e && sha256($e)"),
    ("phone in international form", "phone(user.phone, '7')"),
    ("decimal comma", "number(order.total_text, ',')"),
    ("JSON in a text", "json(payload).user.id"),
    ("base64", "base64_decode(token)"),
    ("lookup table", "get({ru: 'RUB', kz: 'KZT'}, user.country, 'EUR')"),
    ("default", "user.name || 'unknown'"),
    ("condition", "(order.total_minor > 100000 && 'large' || 'small')"),
    ("concatenation", "join('-', [type, text(order.id)])"),
    ("begins with", "starts_with(type, 'order.')"),
    ("without a prefix", "split(type, '.')[1]"),
    ("cut to a length", "cut(order.note, 8)"),
    ("attribute in a list of names and values", "order.attributes[?name == 'size'].value | [0]"),
    ("sum of price times quantity", "sum(map(&(price * quantity), order.items))"),
    ("rounded to cents", "round(order.total_minor / 700, 2)"),
    ("all names of a list", "join(', ', order.items[*].sku)"),
)
