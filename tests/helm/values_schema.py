"""Keeps helm/values.schema.json at the configuration of today: `python -m tests.helm.values_schema` rewrites it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connector.config.file_model import config_schema
from connector.config.kafka_settings import is_secret

VALUES_SCHEMA = Path(__file__).parents[2] / "helm" / "values.schema.json"
# What Helm would otherwise accept and the connector refuse only once the secret stands in a ConfigMap.
SECRET_SETTINGS = (
    "sasl.password",
    "sasl.oauthbearer.client.secret",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
)


def values_schema(text: str) -> dict[str, Any]:
    """The chart's own part, as `text` has it, with the definitions of today's configuration."""
    schema: dict[str, Any] = json.loads(text)
    config = config_schema()
    definitions = config.pop("$defs")
    del config["$schema"]
    del config["$id"]  # references would be looked for below it
    assert all(map(is_secret, SECRET_SETTINGS))
    reference = {"oneOf": [{"$ref": "#/$defs/FileReference"}, {"$ref": "#/$defs/EnvReference"}]}
    config["properties"]["kafka"]["properties"] = dict.fromkeys(SECRET_SETTINGS, reference)
    # The chart's own definitions are written in lower case.
    own = {name: value for name, value in schema["$defs"].items() if name[0].islower()}
    schema["$defs"] = {**own, "Config": config, **definitions}
    return schema


def rendered(text: str) -> str:
    """The whole file."""
    return json.dumps(values_schema(text), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    VALUES_SCHEMA.write_text(rendered(VALUES_SCHEMA.read_text()))
