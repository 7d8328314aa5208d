"""A secret by reference, to a file or an environment variable: read when needed, never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from connector.errors import ConnectorError

# Identifies one version of a file without reading it: inode, size, time of change.
_Stamp = tuple[int, int, int]


class Secret:
    """A reference to a secret. The value is read on demand and never stored, so no repr or traceback can show it."""

    __slots__ = ("_env", "_path", "_stamp")

    def __init__(self, *, path: Path | None = None, env: str | None = None) -> None:
        if (path is None) == (env is None):
            raise ValueError("a secret has either a path or the name of an environment variable")
        self._path = path
        self._env = env
        self._stamp: _Stamp | None = None

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Return a reference to the content of a file; a line break at its end does not count."""
        return cls(path=Path(path))

    @classmethod
    def from_env(cls, name: str) -> Self:
        """Return a reference to an environment variable."""
        return cls(env=name)

    @property
    def source(self) -> str:
        """Return the reference for people: `file /run/secrets/token` or `environment variable TOKEN`."""
        return f"environment variable {self._env}" if self._path is None else f"file {self._path}"

    def read(self) -> str:
        """Return the present secret, without a line break at its end.

        Raises ConnectorError naming the reference if there is no such file or variable, or if it is unreadable, empty
        or not UTF-8.
        """
        value = self._read_env() if self._path is None else self._read_file(self._path)
        if not value:
            raise ConnectorError(f"{self.source} is empty")
        return value

    def changed(self) -> bool:
        """True if the file is not the one of the last `read`: one stat, no reading. A variable never changes."""
        return self._path is not None and _stamp(self._path) != self._stamp

    def missing(self) -> str | None:
        """Return why it cannot be read, for people; None if it can. Does not count as a `read`."""
        try:
            Secret(path=self._path, env=self._env).read()
        except ConnectorError as error:
            return str(error)
        return None

    def _read_env(self) -> str:
        value = os.environ.get(self._env or "")
        if value is None:
            raise ConnectorError(f"{self.source} is not set")
        return value.rstrip("\r\n")

    def _read_file(self, path: Path) -> str:
        # The stamp is taken first: a change while reading then shows as one, instead of being missed.
        self._stamp = _stamp(path)
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            # `from None`: the decoder's error carries the bytes.
            raise ConnectorError(f"{self.source} is not UTF-8 text") from None
        except OSError as error:
            raise ConnectorError(f"{self.source} cannot be read: {error.strerror}") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._path, self._env) == (other._path, other._env)

    def __hash__(self) -> int:
        return hash((self._path, self._env))

    def __repr__(self) -> str:
        return f"Secret({self.source})"


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
