"""SailPlay's field table: every parameter of events/fire, with the sentence of its document that gives the rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from connector.errors import FieldError
from connector.model import Limits
from connector.vendors.fields.identifiers import Email
from connector.vendors.fields.method import Field, Table, VendorMethod, unencodable, vendor_method
from connector.vendors.fields.types import Numeral, Text

# One request an event. The document gives no size: this much and the account's fields pass as a URL through any
# server's usual limit of 8 KiB for a request line.
LIMITS = Limits(max_events=1, max_bytes=4_000, envelope=0, separator=0)

_IDENTITIES = ("user_phone", "email", "origin_user_id")
_IDENTITY = "да | user_phone или email или origin_user_id | Идентификатор клиента"
_NO_LENGTH = "The document gives no length; an empty text says nothing."


def write_form(values: dict[str, Any]) -> bytes:
    """Return a form of the event's own fields; the account's are added at sending, so that an item holds no secret.

    A space is written %20, not +, so that the same bytes are right in a form and in a URL. Raises FieldError where a
    text is not Unicode.
    """
    try:
        return urlencode(values, quote_via=quote).encode("ascii")
    except UnicodeEncodeError:
        raise FieldError(
            f"{unencodable(values)} holds characters that are not Unicode (a lone surrogate)", name="not-unicode"
        ) from None


_FIRE = Table(
    "fire",
    "SailPlay events/fire, the event's own fields of the form",
    "/api/v2/events/fire/: Параметры запроса (the account's token and store_department_id are added at sending)",
    (
        Field("event_key", "Key of the event", Text(1), "да | event_key | Уникальный идентификатор данного события"),
        Field(
            "user_phone",
            "Client's telephone number",
            Text(
                7,
                15,
                "[0-9]+",
                "digits only, international, no +",
                "phone(x, '7') writes the international form, digits(x) leaves out all but digits",
            ),
            _IDENTITY,
            "The document gives no length; E.164 has at most 15 digits, and none has fewer than 7.",
        ),
        Field("email", "Client's e-mail address", Email(), _IDENTITY, _NO_LENGTH),
        Field("origin_user_id", "Client's identifier in your system", Text(1), _IDENTITY, _NO_LENGTH),
        Field(
            "value",
            "Value of an event of kind sum",
            Numeral(),
            "нет | value | Передаваемое значение. Обязательно в случае если тип события - “сумматор”",
        ),
        Field(
            "purchase_order_num",
            "Order whose confirmation confirms the points",
            Text(1),
            "нет | purchase_order_num | Номер заказа, при подтвержении которого, должны быть подтвержены "
            "бонусные баллы за данное событие",
            _NO_LENGTH,
            if_empty="left out, the points would be given without a confirmation; map null where there is no order",
        ),
    ),
    (("event_key",), _IDENTITIES),
    write_form,
    one_of=_IDENTITIES,
)

METHODS: Mapping[str, VendorMethod] = MappingProxyType({"fire": vendor_method(_FIRE)})
