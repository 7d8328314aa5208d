"""A broker behind SASL and TLS: a certificate authority of its own, users with passwords, and what clients are told."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.server import Broker

_DAYS = "2"


class Authority:
    """A certificate authority in a directory, made by the `openssl` command; `ca` is its certificate's file."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self.ca = directory / f"{name}.pem"

    @classmethod
    def make(cls, directory: Path, name: str) -> Self:
        """Make one."""
        made = cls(directory, name)
        subject = ["-x509", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE"]
        _openssl("req", *_new_key(made._key), *subject, "-days", _DAYS, "-out", str(made.ca))
        return made

    def certify_localhost(self) -> str:
        """Return a key and a certificate for 127.0.0.1 and localhost, as PEM; the key comes first."""
        key, request, certificate, names = (self._directory / f"server.{end}" for end in ("key", "csr", "crt", "ext"))
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        _openssl("req", *_new_key(key), "-subj", "/CN=localhost", "-out", str(request))
        signing = ["-CA", str(self.ca), "-CAkey", str(self._key), "-CAcreateserial", "-extfile", str(names)]
        _openssl("x509", "-req", "-in", str(request), *signing, "-days", _DAYS, "-out", str(certificate))
        return key.read_text() + certificate.read_text()

    @property
    def _key(self) -> Path:
        return self._directory / f"{self._name}.key"


def secure_properties(authority: Authority, passwords: Mapping[str, str]) -> dict[str, str]:
    """Return server properties for SASL/PLAIN over TLS with these users, and ACLs that bind all but `admin`.

    What comes in on the plain listener may do everything: tests set up by it.
    """
    key, begin, certificate = authority.certify_localhost().partition("-----BEGIN CERTIFICATE-----")
    users = " ".join(f'user_{name}="{password}"' for name, password in passwords.items())
    prefix = "listener.name.secure."
    return {
        f"{prefix}ssl.keystore.type": "PEM",
        f"{prefix}ssl.keystore.key": _one_line(key),
        f"{prefix}ssl.keystore.certificate.chain": _one_line(begin + certificate),
        f"{prefix}sasl.enabled.mechanisms": "PLAIN",
        f"{prefix}plain.sasl.jaas.config": (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
    }


def secure_client(broker: Broker, authority: Authority, user: str, password: Path) -> dict[str, object]:
    """Return the `kafka` section of a configuration that connects as `user`, whose password a file holds."""
    assert broker.secure_bootstrap is not None
    return {
        "bootstrap.servers": broker.secure_bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": {"file": str(password)},
        "ssl.ca.location": str(authority.ca),
    }


def _new_key(path: Path) -> tuple[str, ...]:
    return ("-newkey", "rsa:2048", "-nodes", "-keyout", str(path))


def _one_line(pem: str) -> str:
    """As a properties file takes it."""
    return pem.strip().replace("\n", "\\n")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S607  # of the PATH
