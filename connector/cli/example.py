"""`connector example` and `connector schema`: what helps to write a configuration."""

from __future__ import annotations

import json
from importlib import resources

import typer


def example() -> None:
    """Print a commented configuration to start from.

    Example: connector example > connector.yaml
    """
    text = resources.files("connector.config").joinpath("example.yaml").read_text(encoding="utf-8")
    typer.echo(text, nl=False)


def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors; the first line of `example` tells them of it.

    Example: connector schema > config.schema.json
    """
    from connector.config.file_model import config_schema

    typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
