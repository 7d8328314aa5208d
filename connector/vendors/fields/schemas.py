"""The JSON Schemas of every vendor method as files: `python -m connector.vendors.fields.schemas` writes them anew."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from connector.resources import schemas
from connector.vendors.catalogue import METHODS


def documents() -> Mapping[str, bytes]:
    """Path below the directory of schemas → content: `mytracker/login.json`."""
    return {
        f"{kind}/{method.name}.json": orjson.dumps(dict(method.schema), option=orjson.OPT_INDENT_2) + b"\n"
        for kind, methods in METHODS.items()
        for method in methods.values()
    }


def write() -> None:
    """Write every schema to its file."""
    for path, content in documents().items():
        target = schemas() / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    write()
