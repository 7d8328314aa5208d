"""A vendor's token: read when needed, anew when its file changes or the vendor rejects it."""

from __future__ import annotations

import re

from connector.errors import ConnectorError
from connector.secrets import Secret

# What stands in a header and a form as it is; a line break would end the header.
_TOKEN = re.compile(r"[\x21-\x7e]+")


def is_token(value: str) -> bool:
    """Whether this can be a token at all."""
    return _TOKEN.fullmatch(value) is not None


class Token:
    """The token of one account."""

    __slots__ = ("_rejected", "_secret", "_value")

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._value: str | None = None
        self._rejected: str | None = None

    def current(self) -> str:
        """The token as it is now. Raises ConnectorError saying what is missing or wrong, without the value."""
        if self._value is None or self._secret.changed():
            self._value = None
            value = self._secret.read()
            if not is_token(value):
                raise ConnectorError(
                    f"the token in {self._secret.source} holds a space, a line break or another character that no "
                    "token has: it is one line of visible ASCII characters"
                )
            self._value = value
        return self._value

    def reject(self, token: str) -> None:
        """The vendor did not accept this one: read it again for the next request, if it is not another already."""
        self._rejected = token
        if self._value == token:
            self._value = None

    def renewed(self) -> bool:
        """Whether another token has come since the vendor rejected one; True once."""
        if self._rejected is None or self.missing() is not None or self._value == self._rejected:
            return False
        self._rejected = None
        return True

    def missing(self) -> str | None:
        """None if there is a token; else what is missing or wrong, for people."""
        try:
            self.current()
        except ConnectorError as error:
            return f"token: {error}"
        return None
