"""`connector schema`: the configuration's JSON Schema."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors.

    Example: connector schema > config.schema.json
    """
    from connector.config.file_model import config_schema

    typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
