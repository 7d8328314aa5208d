"""Bento as a user who knows it well sets it up for the same task, in two ways that differ in what a refusal costs.

What it does not do here: keep the order of a key (batches of one partition are on their way at the same time), fill
batches from more than one partition, or serve metrics. The bound on bytes holds for events that fit alone: `split`
sends a larger one as it is. Its dead letters are mapped items.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

import yaml

from benchmarks import building
from benchmarks.contenders import TOKEN, Setting, launch

BATCH, PERIOD = 20, "200ms"  # as the connector's
ITEMS_BYTES = 10_000 - (BATCH + 1)  # brackets and commas
MAPPING = """
root.customUserId = this.user.id
root.customEventName = this.event_type
root.customEventParams.level = this.data.level.string()
root.customEventParams.zone = this.data.zone
root.customEventParams.n = this.data.n.string()
root.eventTimestamp = this.occurred_at.ts_unix()
root.instanceId = this.device.instance_id
root.ipv4 = this.device.ip
root.age = this.user.age
"""
# Go's client keeps two idle connections to a host, and Bento has no setting for that: more requests than two in flight
# open new ones again and again. So there are copies of an output, each with two in flight and a client of its own.
CONNECTIONS = 2
_ARCHIVE = {"archive": {"format": "json_array"}}
_UNARCHIVE = {"unarchive": {"format": "json_array"}}


def start_bento(setting: Setting) -> subprocess.Popen[bytes]:
    """Bento that writes a refused batch to the dead letters."""
    processors = [*_processors(), _ARCHIVE]
    letters = _dead_letters(setting) | {"processors": [_UNARCHIVE]}
    return _start(setting, processors, [_copies(setting, _request(setting)), letters])


def start_bento_singly(setting: Setting) -> subprocess.Popen[bytes]:
    """Bento that sends the events of a refused batch again, one by one, and writes what is refused then to the letters.

    Every event is kept until its batch is accepted, which costs a copy of each.
    """
    batches = _copies(setting, _request(setting) | {"processors": [_ARCHIVE]})
    single = _copies(setting, _request(setting) | {"processors": [{"split": {"size": 1}}, _ARCHIVE]})
    return _start(setting, _processors(), [batches, single, _dead_letters(setting)])


def _start(setting: Setting, processors: list[Any], outputs: list[Any]) -> subprocess.Popen[bytes]:
    file = setting.directory / "bento.yaml"
    configuration = {
        "http": {"enabled": False},
        "logger": {"level": "WARN"},
        "input": _input(setting),
        "pipeline": {"processors": processors},
        "output": {"fallback": outputs},
    }
    file.write_text(yaml.safe_dump(configuration, sort_keys=False))
    return launch(setting, [str(building.bento()), "-c", str(file)], os.environ)


def _input(setting: Setting) -> dict[str, Any]:
    """All else as it comes: checkpoint_limit 1,024 a partition, commit_period 5 s, the client's fetch sizes."""
    return {
        "kafka_franz": {
            "seed_brokers": [setting.bootstrap],
            "topics": [setting.topic],
            "consumer_group": setting.group,
            "batching": {"count": BATCH, "period": PERIOD},
        }
    }


def _processors() -> list[Any]:
    return [{"mapping": MAPPING}, {"split": {"size": BATCH, "byte_size": ITEMS_BYTES}}]


def _request(setting: Setting) -> dict[str, Any]:
    """One that is refused is given up; whatever else fails is tried again and again."""
    return {
        "http_client": {
            "url": f"{setting.url}/v1/customEventBatch/?idApp=666",
            "verb": "POST",
            "headers": {"Authorization": TOKEN, "Content-Type": "application/json"},
            "batch_as_multipart": False,
            "max_in_flight": CONNECTIONS,
            "drop_on": [400],
            "retries": 1_000_000,
        }
    }


def _copies(setting: Setting, output: dict[str, Any]) -> dict[str, Any]:
    """So many of this output that as many requests are in flight as are allowed."""
    return {"broker": {"pattern": "greedy", "copies": setting.in_flight // CONNECTIONS, "outputs": [output]}}


def _dead_letters(setting: Setting) -> dict[str, Any]:
    return {"kafka_franz": {"seed_brokers": [setting.bootstrap], "topic": setting.dead_letters}}
