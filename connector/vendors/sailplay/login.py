"""SailPlay's token: given as a secret, or fetched by `login` and shared by all requests until the vendor rejects it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from connector.errors import ConnectorError
from connector.model import Outcome, OutcomeKind
from connector.secrets import Secret
from connector.vendors.credentials import Token


@dataclass(frozen=True, slots=True)
class Login:
    """What `login` wants beside the department: [P] store_department_key and pin_code; it answers with a token."""

    store_department_key: Secret
    pin_code: Secret


# One login: the token, or the outcome of having got none. Takes the key and the PIN.
LogIn = Callable[[str, str], Awaitable[str | Outcome]]


class Credentials(Protocol):
    """Where the token comes from."""

    def at_hand(self) -> str | Outcome | None:
        """The token to send with, or why there can be none; None where it has to be fetched first."""
        ...

    async def fetch(self, rejected: str | None) -> str | Outcome:
        """The token, fetched where it must be. `rejected`: the one that this request was refused with."""
        ...

    def reject(self, token: str) -> bool:
        """The vendor did not accept this one. True if another can be fetched at once."""
        ...

    def missing(self) -> str | None:
        """None if the secrets are there; else what is missing, for people."""
        ...

    def renewed(self) -> bool:
        """Whether other secrets have come since the vendor rejected some; True once."""
        ...

    def close(self) -> None:
        """Fetch nothing any more."""
        ...


class GivenToken:
    """A token that somebody else makes and keeps as a secret."""

    def __init__(self, secret: Secret) -> None:
        self._token = Token(secret)

    def at_hand(self) -> str | Outcome:
        """The secret as it is now."""
        try:
            return self._token.current()
        except ConnectorError as error:
            return Outcome(OutcomeKind.MISCONFIGURED, message=str(error))

    async def fetch(self, rejected: str | None) -> str | Outcome:  # noqa: ARG002 - a secret is what it is
        """The secret as it is now."""
        return self.at_hand()

    def reject(self, token: str) -> bool:
        """Read it again for the next request: whoever makes it must make another."""
        self._token.reject(token)
        return False

    def missing(self) -> str | None:
        """None if the secret can be read; else what is missing."""
        return self._token.missing()

    def renewed(self) -> bool:
        """Whether another token has come since the vendor rejected one; True once."""
        return self._token.renewed()

    def close(self) -> None:
        """Nothing is under way."""


class LoginToken:
    """A token from `login`. There is one login at a time, and whoever needs the token meanwhile waits for that one."""

    def __init__(self, login: Login, log_in: LogIn) -> None:
        self._login = login
        self._log_in = log_in
        self._token: str | None = None
        self._rejected: str | None = None
        self._failure: Outcome | None = None  # of the last login, if it gave no token
        self._flight: asyncio.Task[str | Outcome] | None = None

    def at_hand(self) -> str | None:
        """The token, if the last login gave one that still holds."""
        return self._token

    async def fetch(self, rejected: str | None) -> str | Outcome:
        """The token of the login that is under way, or of a new one.

        Requests that were refused with one and the same token share what the login after it gave, a failure included:
        a wrong PIN is not tried once for each of them.
        """
        if self._token is not None:
            return self._token
        if self._flight is None:
            if self._failure is not None and rejected is not None and rejected == self._rejected:
                return self._failure
            self._flight = asyncio.get_running_loop().create_task(self._fly())
        return await asyncio.shield(self._flight)

    def reject(self, token: str) -> bool:
        """Log in anew, unless that was done since this token was sent."""
        if self._token == token:
            self._token, self._rejected, self._failure = None, token, None
        return True

    def missing(self) -> str | None:
        """None if both secrets can be read; else which cannot."""
        secrets = {"store_department_key": self._login.store_department_key, "pin_code": self._login.pin_code}
        return next((f"{name}: {why}" for name, secret in secrets.items() if (why := secret.missing())), None)

    def renewed(self) -> bool:
        """Whether a secret's file has changed since a login failed; True once."""
        login = self._login
        if self._failure is None or not (login.store_department_key.changed() or login.pin_code.changed()):
            return False
        if self.missing() is not None:
            return False
        self._failure = None
        return True

    def close(self) -> None:
        """Give the login under way up."""
        if self._flight is not None:
            self._flight.cancel()

    async def _fly(self) -> str | Outcome:
        try:
            result = await self._log_in(self._login.store_department_key.read(), self._login.pin_code.read())
        except ConnectorError as error:
            result = Outcome(OutcomeKind.MISCONFIGURED, message=str(error))
        finally:
            self._flight = None
        if isinstance(result, Outcome):
            self._failure = result
        else:
            self._token, self._failure = result, None
        return result
