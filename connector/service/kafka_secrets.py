"""The brokers' credentials, changed without a restart: their files are watched, and every client is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog

from connector.errors import ConnectorError
from connector.secrets import Secret
from connector.settings.values import KafkaValue

_USERNAME, _PASSWORD = "sasl.username", "sasl.password"

log = structlog.get_logger()


class SaslClient(Protocol):
    """A client of the brokers that can log in anew."""

    def renew_credentials(self, username: str, password: str) -> None:
        """Use these from the next connection on."""
        ...


class KafkaSecrets:
    """Watches the secrets of the `kafka` section; see the module.

    `conf` is what clients made later are made with: it is kept up to date. `clients` are those there are.
    """

    def __init__(self, kafka: Mapping[str, KafkaValue], conf: dict[str, Any], clients: Sequence[SaslClient]) -> None:
        self._secrets = {name: value for name, value in kafka.items() if isinstance(value, Secret)}
        self._conf = conf
        self._clients = clients

    def tick(self) -> None:
        """One second has passed: a stat for each file, and more only where one has changed."""
        for name, secret in self._secrets.items():
            if secret.changed():
                self._renew(name, secret)

    def _renew(self, name: str, secret: Secret) -> None:
        try:
            value = secret.read()
        except ConnectorError as error:
            log.warning("a secret has changed and cannot be read: the old one stays in use", setting=f"kafka.{name}",
                        why=str(error))  # fmt: skip
            return
        if value == self._conf.get(name):
            return
        self._conf[name] = value
        if name not in (_USERNAME, _PASSWORD):
            log.warning("a secret has changed: it is used from the next start on", setting=f"kafka.{name}")
            return
        log.info("a secret has changed: new connections use it", setting=f"kafka.{name}")
        for client in self._clients:
            client.renew_credentials(str(self._conf.get(_USERNAME, "")), str(self._conf.get(_PASSWORD, "")))
