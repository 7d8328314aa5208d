"""The contenders: the connector as an operator runs it, and the baseline; each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

TOKEN = "benchmark-token"  # noqa: S105  # the sink looks at none
PARAMS = {"level": "data.level", "zone": "data.zone", "n": "data.n"}
FIELDS = {
    "customUserId": "user.id",
    "customEventName": "event_type",
    "customEventParams": PARAMS,
    "eventTimestamp": "unix(occurred_at)",
    "instanceId": "device.instance_id",
    "ipv4": "device.ip",
    "age": "user.age",
}
FIRE = {"origin_user_id": "user.id", "event_key": "'85783d035a'", "value": "data.level", "purchase_order_num": "data.n"}
# A replay and a SailPlay account wait for their rate; here nothing may.
UNTHROTTLED = "1000000/s"

Vendor = Literal["mytracker", "sailplay"]


@dataclass(frozen=True, slots=True)
class Setting:
    """The settings of a contender: where events are and where they go. `wide` maps the long note of wide events too."""

    bootstrap: str
    topic: str
    group: str
    dead_letters: str
    url: str
    directory: Path
    in_flight: int = 32
    vendor: Vendor = "mytracker"
    routes: int = 1
    wide: bool = False
    certificate: Path | None = None

    @property
    def token_file(self) -> Path:
        """A file that holds the token."""
        file = self.directory / "token"
        file.write_text(TOKEN)
        return file


def configuration(setting: Setting) -> dict[str, Any]:
    """The connector's configuration: the last of `routes` takes the events, the others wait for other types."""
    sink: dict[str, Any] = {"base_url": setting.url, "token": {"file": str(setting.token_file)}}
    sink |= {"max_in_flight": setting.in_flight}
    if setting.vendor == "mytracker":
        sink |= {"kind": "mytracker", "app_id": 666}
        to, fields = "mytracker.customEvent", dict[str, Any](FIELDS)
        if setting.wide:
            fields["customEventParams"] = PARAMS | {"note": "data.note"}
    else:
        sink |= {"kind": "sailplay", "store_department_id": 11, "rate": UNTHROTTLED}
        to, fields = "sailplay.fire", dict[str, Any](FIRE)
    route = {"from": setting.topic, "to": to, "fields": fields}
    others = [route | {"when": f"event_type == 'other.{number}'"} for number in range(setting.routes - 1)]
    last = route | ({"when": "event_type == 'level.completed'"} if others else {})
    return {
        "kafka": {"bootstrap.servers": setting.bootstrap},
        "group": setting.group,
        "dead_letters": setting.dead_letters,
        "http": {"host": "127.0.0.1", "port": 0},
        "topics": {setting.topic: {}},
        "sinks": {setting.vendor: sink},
        "routes": [*others, last],
    }


def start_connector(setting: Setting) -> subprocess.Popen[bytes]:
    """`connector run --config FILE`."""
    return _start(setting, ["-m", "connector", "run", "--config", str(write_configuration(setting))])


def start_replay(setting: Setting) -> subprocess.Popen[bytes]:
    """`connector dlq replay` of all open dead letters, which ends when they are sent."""
    options = ["--config", str(write_configuration(setting)), "--yes", "--rate", UNTHROTTLED]
    return _start(setting, ["-m", "connector", "dlq", "replay", *options])


def start_baseline(setting: Setting) -> subprocess.Popen[bytes]:
    """The plain consumer."""
    url = f"{setting.url}/v1/customEventBatch/?idApp=666"
    arguments = [setting.bootstrap, setting.topic, setting.group, url, str(setting.token_file), str(setting.in_flight)]
    return _start(setting, ["-m", "benchmarks.baseline", *arguments])


def write_configuration(setting: Setting) -> Path:
    """Write the connector's configuration and return the file."""
    file = setting.directory / "connector.yaml"
    file.write_text(yaml.safe_dump(configuration(setting)))
    return file


def _start(setting: Setting, arguments: list[str]) -> subprocess.Popen[bytes]:
    # As installed: compiled once, wherever that may be written.
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(setting.directory.parent / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if setting.certificate is not None:
        environment["SSL_CERT_FILE"] = str(setting.certificate)
    return launch(setting, [sys.executable, *arguments], environment)


def launch(setting: Setting, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a contender's process, whose output goes to the log of its directory."""
    with (setting.directory / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)
