"""`connector example` and `connector schema`: what helps to write a configuration."""

from __future__ import annotations

import json
from importlib import resources
from typing import Annotated

import typer

OfTests = Annotated[bool, typer.Option("--tests", help="That of a tests file, for `connector test`.")]


def example(tests: OfTests = False) -> None:
    """Print a commented configuration to start from.

    Example: connector example > connector.yaml
    """
    name = "example.tests.yaml" if tests else "example.yaml"
    text = resources.files("connector.config").joinpath(name).read_text(encoding="utf-8")
    typer.echo(text, nl=False)


def schema(tests: OfTests = False) -> None:
    """Print the JSON Schema of the configuration file, for editors; the first line of `example` tells them of it.

    Example: connector schema > config.schema.json
    """
    from connector.config.file_model import config_schema
    from connector.service.route_tests.file_model import case_file_schema

    typer.echo(json.dumps(case_file_schema() if tests else config_schema(), indent=2, ensure_ascii=False))
