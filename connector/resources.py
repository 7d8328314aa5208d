"""Finds the files that are installed with the package: the JSON Schemas."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def schemas() -> Path:
    """Return the directory of the JSON Schemas.

    A wheel has it inside the package; a checkout (and so an editable install) has it beside the package.
    """
    installed = _PACKAGE / "_schemas"
    return installed if installed.is_dir() else _PACKAGE.parent / "schemas"
