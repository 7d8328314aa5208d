"""Watches the files of the brokers' credentials, and passes changed ones to every client without a restart."""

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
    """A client of the brokers that can log in with other credentials."""

    def renew_credentials(self, username: str, password: str) -> None:
        """Use these from the next connection on."""
        ...


class KafkaSecrets:
    """Watches the secrets of the `kafka` section.

    `conf`, librdkafka's settings for clients that are made later, is updated in place; `clients` are the existing ones.
    """

    def __init__(self, kafka: Mapping[str, KafkaValue], conf: dict[str, Any], clients: Sequence[SaslClient]) -> None:
        self._secrets = {name: value for name, value in kafka.items() if isinstance(value, Secret)}
        self._conf = conf
        self._clients = clients

    def tick(self) -> None:
        """Check for changes; called once a second. Costs a stat for each file, and more only where one has changed."""
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
