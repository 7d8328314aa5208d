"""The JSON Schemas of our vendors' methods as files: `python -m connector.vendors.schemas` writes them again."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from connector.resources import schemas
from connector.vendors.fields.method import VendorMethod
from connector.vendors.registry import OWN


def documents() -> Mapping[str, bytes]:
    """Return each file's content by its path below the directory of schemas: `mytracker/login.json`."""
    return {
        f"{vendor.kind}/{method.name}.json": orjson.dumps(dict(method.schema), option=orjson.OPT_INDENT_2) + b"\n"
        for vendor in OWN
        for method in vendor.methods.values()
        if isinstance(method, VendorMethod)
    }


def write() -> None:
    """Write every schema to its file."""
    for path, content in documents().items():
        target = schemas() / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    write()
