"""The types of texts that identify somebody or something: addresses, devices, e-mail."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from connector.errors import FieldError
from connector.expressions.signatures import TEXT
from connector.vendors.fields.coercion import length_error, text_of_integer, type_error
from connector.vendors.fields.types import TEXT_OR_NUMBER, Check

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address: a text without the white space around it. One of white space only is left out."""

    def takes(self) -> str:
        return "text of at least 1 character, without the white space around it"

    def check(self, name: str) -> Check:
        takes = self.takes()

        def check(value: Any) -> str | None:
            text: str = value if type(value) is str else text_of_integer(name, value, takes)
            return text.strip() or None

        return check

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}

    def accepts_kinds(self) -> frozenset[str]:
        return TEXT_OR_NUMBER


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address as text, sent as it is written; IPv6 without a zone, which means something on one machine only."""

    version: Literal[4, 6]

    def takes(self) -> str:
        return f"text that is an IPv{self.version} address{' without a zone' if self.version == 6 else ''}"

    def check(self, name: str) -> Check:
        takes = self.takes()
        # Strict like the module ipaddress (a test compares them), in a twentieth of its time.
        parse, family = socket.inet_pton, _FAMILIES[self.version]
        zones = self.version == 6

        def check(value: Any) -> str:
            if type(value) is not str:
                raise type_error(name, value, takes)
            if zones and "%" in value:  # some systems' inet_pton takes a zone
                raise FieldError(f"{name} takes {takes}: this text has one", name="field-form")
            try:
                parse(family, value)
            except (OSError, ValueError):
                raise FieldError(f"{name} takes {takes}: {self._otherwise(value)}", name="field-form") from None
            return value

        return check

    def _otherwise(self, value: str) -> str:
        other = 10 - self.version
        try:
            socket.inet_pton(_FAMILIES[other], value)
        except (OSError, ValueError):
            return "this text is not one"
        return f"this text is an IPv{other} address"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": 15 if self.version == 4 else 45, "format": f"ipv{self.version}"}

    def accepts_kinds(self) -> frozenset[str]:
        return frozenset({TEXT})


@dataclass(frozen=True, slots=True)
class DeviceId:
    """An identifier of a device, of `length` characters. One of zeros only is no device's and is left out.

    Systems give zeros where a person does not want to be tracked: they would make one device of many people's.
    """

    length: int

    def takes(self) -> str:
        return f"text of {self.length} characters, not zeros only"

    def check(self, name: str) -> Check:
        takes = self.takes()
        length, zeros = self.length, frozenset(self._zeros())

        def check(value: Any) -> str | None:
            text: str = value if type(value) is str else text_of_integer(name, value, takes)
            if len(text) != length:
                raise length_error(name, len(text), takes)
            return None if text in zeros else text

        return check

    def _zeros(self) -> list[str]:
        zeros = ["0" * self.length]
        return [*zeros, str(UUID(int=0))] if self.length == 36 else zeros

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "minLength": self.length,
            "maxLength": self.length,
            "not": {"enum": self._zeros()},
        }

    def accepts_kinds(self) -> frozenset[str]:
        return TEXT_OR_NUMBER
