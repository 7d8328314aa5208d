"""`connector example`: a commented configuration to start from."""

from __future__ import annotations

from importlib import resources

import typer


def example() -> None:
    """Print a commented configuration to start from.

    Example: connector example > connector.yaml
    """
    text = resources.files("connector.config").joinpath("example.yaml").read_text(encoding="utf-8")
    typer.echo(text, nl=False)
