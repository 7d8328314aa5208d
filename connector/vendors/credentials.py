"""The secrets that a sink sends with: read from where they are kept, or a token fetched by logging in.

Both are read again when a file changes or the vendor rejects them. All methods belong to the event loop's thread.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from connector.errors import ConnectorError
from connector.model import Outcome, OutcomeKind
from connector.secrets import Secret
from connector.vendors.vendor import Secrets

# What may stand in a header and a form as it is; a line break would end the header.
_TOKEN = re.compile(r"[\x21-\x7e]+")

# Logs in once with the section's secrets: the token, or the outcome of having got none.
LogIn = Callable[[Secrets], Awaitable[str | Outcome]]


def is_token(value: str) -> bool:
    """True if this can be a token at all: one line of visible ASCII."""
    return _TOKEN.fullmatch(value) is not None


class Credentials(Protocol):
    """Where the secrets of a request come from."""

    def current(self) -> Secrets | Outcome | None:
        """Return the secrets to send with, or why there are none; None where a token has to be fetched first."""
        ...

    async def fetch(self, rejected: Secrets | None) -> Secrets | Outcome:
        """Return the secrets, fetched where they must be. `rejected`: those that this request was refused with."""
        ...

    def reject(self, secrets: Secrets) -> bool:
        """Note that the vendor did not accept these. True if others can be fetched at once."""
        ...

    def doubt(self, secrets: Secrets) -> None:
        """Note that the vendor may not have accepted these: what it refused may have been the event, or they."""
        ...

    def missing(self) -> str | None:
        """Return what is missing or wrong, for people; None if the secrets can be read."""
        ...

    def renewed(self) -> bool:
        """True, once, if other secrets have come since the vendor rejected some."""
        ...

    def close(self) -> None:
        """Stop fetching."""
        ...


class GivenSecrets:
    """The secrets of a section as somebody else makes and keeps them, by their path in it."""

    __slots__ = ("_changed", "_rejected", "_secrets", "_values")

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._secrets = tuple(secrets.items())
        # Asked before every request, and nearly always about one secret.
        self._changed = next(iter(secrets.values())).changed if len(secrets) == 1 else self._any_changed
        self._values: Secrets | None = None
        self._rejected: Secrets | None = None

    def current(self) -> Secrets | Outcome:
        """Return the secrets as they are now, or why they cannot be read."""
        if self._values is not None and not self._changed():
            return self._values
        problem = self._refresh()
        if problem is not None:
            return Outcome(OutcomeKind.MISCONFIGURED, message=problem[1])
        return self._values or {}

    async def fetch(self, rejected: Secrets | None) -> Secrets | Outcome:  # noqa: ARG002 - a secret is what it is
        """Return the secrets as they are now."""
        return self.current()

    def reject(self, secrets: Secrets) -> bool:
        """Read them again for the next request, unless they are others already: whoever makes them must make others."""
        self._rejected = secrets
        if self._values == secrets:
            self._values = None
        return False

    def doubt(self, secrets: Secrets) -> None:
        """Read them again for the next request, as if they had been rejected."""
        self.reject(secrets)

    def missing(self) -> str | None:
        """Return the first secret that cannot be read, and why; None if all can."""
        problem = self._refresh()
        return problem and f"{_last(problem[0])}: {problem[1]}"

    def renewed(self) -> bool:
        """True, once, if other secrets have come since the vendor rejected some."""
        if self._rejected is None or self._refresh() is not None or self._values == self._rejected:
            return False
        self._rejected = None
        return True

    def _refresh(self) -> tuple[str, str] | None:
        """Read the secrets again if one has changed. Return the path of one that is missing or wrong, and why."""
        if self._values is not None and not self._changed():
            return None
        self._values = None
        values = {}
        for name, secret in self._secrets:
            try:
                values[name] = _read(name, secret)
            except ConnectorError as error:
                return name, str(error)
        self._values = values
        return None

    def _any_changed(self) -> bool:
        return any(secret.changed() for _, secret in self._secrets)

    def close(self) -> None:
        """Do nothing: nothing is being fetched."""


class LoginToken:
    """A token from a login. There is one login at a time; whoever needs the token meanwhile waits for that one."""

    __slots__ = ("_failure", "_log_in", "_login", "_name", "_rejected", "_secrets", "_token")

    def __init__(self, secrets: Mapping[str, Secret], log_in: LogIn, name: str) -> None:
        self._secrets = secrets
        self._log_in = log_in
        self._name = name  # under which a request gets the token
        self._token: Secrets | None = None
        self._rejected: Secrets | None = None
        self._failure: Outcome | None = None  # of the last login, if it gave no token
        self._login: asyncio.Task[Secrets | Outcome] | None = None

    def current(self) -> Secrets | None:
        """Return the token, if the last login gave one that is still good."""
        return self._token

    async def fetch(self, rejected: Secrets | None) -> Secrets | Outcome:
        """Return the token of the login under way, or of a new one.

        Requests that were refused with one and the same token share what the login after it gave, a failure included:
        a wrong PIN is not tried once for each of them.
        """
        if self._token is not None:
            return self._token
        if self._login is None:
            if self._failure is not None and rejected is not None and rejected == self._rejected:
                return self._failure
            self._login = asyncio.get_running_loop().create_task(self._run_login())
        return await asyncio.shield(self._login)

    def reject(self, secrets: Secrets) -> bool:
        """Log in again, unless that was done since this token was sent."""
        if self._token == secrets:
            self._token, self._rejected, self._failure = None, secrets, None
        return True

    def doubt(self, secrets: Secrets) -> None:
        """Do nothing: a login for each refused event would be too much."""

    def missing(self) -> str | None:
        """Return the first secret of the login that cannot be read, and why; None if all can."""
        secrets = self._secrets.items()
        return next((f"{_last(name)}: {why}" for name, secret in secrets if (why := secret.missing())), None)

    def renewed(self) -> bool:
        """True, once, if a secret's file has changed since a login failed."""
        if self._failure is None or not any(secret.changed() for secret in self._secrets.values()):
            return False
        if self.missing() is not None:
            return False
        self._failure = None
        return True

    def close(self) -> None:
        """Cancel the login under way."""
        if self._login is not None:
            self._login.cancel()

    async def _run_login(self) -> Secrets | Outcome:
        try:
            token = await self._log_in({name: secret.read() for name, secret in self._secrets.items()})
        except ConnectorError as error:
            token = Outcome(OutcomeKind.MISCONFIGURED, message=str(error))
        finally:
            self._login = None
        if isinstance(token, Outcome):
            self._failure = token
            return token
        self._token, self._failure = {self._name: token}, None
        return self._token


def _read(name: str, secret: Secret) -> str:
    value = secret.read()
    if not is_token(value):
        word = _last(name)
        raise ConnectorError(
            f"the {word} in {secret.source} holds a space, a line break or another character that no {word} has: it "
            "is one line of visible ASCII characters"
        )
    return value


def _last(path: str) -> str:
    return path.rpartition(".")[2]
