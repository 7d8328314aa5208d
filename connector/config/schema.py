"""The configuration's JSON Schema, for editors and for `connector schema`."""

from __future__ import annotations

from typing import Any

from connector.config.file_model import File


def config_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the configuration file."""
    schema = File.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Configuration of the connector",
        "description": "What the connector reads from Kafka, and what it sends where.",
    }
