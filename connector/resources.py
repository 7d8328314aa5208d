"""Where the files that travel with the package lie: the JSON Schemas."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def schemas() -> Path:
    """The directory of the JSON Schemas.

    A wheel carries it inside the package; in a checkout, and so in an editable install, it stands beside the package.
    """
    installed = _PACKAGE / "_schemas"
    return installed if installed.is_dir() else _PACKAGE.parent / "schemas"
