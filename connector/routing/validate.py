"""An event against its topic's JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from connector.errors import ConnectorError
from connector.model import Event

LONGEST = 300
# Stands wherever a message would quote the event.
_MASK = "the value"
# What the library puts before a reference that is relative.
_HERE = "json-schema:///"


class EventSchema:
    """One topic's JSON Schema (draft 2020-12 unless its `$schema` names another), compiled.

    Raises ConnectorError for what is no schema, and for one that refers to another file or to the network: nothing
    is fetched.
    """

    def __init__(self, schema: dict[str, Any] | bool) -> None:
        referred: list[str] = []

        def refuse(uri: str) -> Any:
            referred.append(uri.removeprefix(_HERE))
            raise ValueError(uri)

        try:
            self._validator = jsonschema_rs.validator_for(schema, retriever=refuse, mask=_MASK)
        except ValueError as error:  # the library's ValidationError is one
            if referred:
                message = f"a schema must stand alone: it refers to {referred[0]}, which is not fetched"
                raise ConnectorError(message) from None
            said = str(error).partition("\n")[0][:LONGEST]
            where = f" at {_path(error)}" if isinstance(error, jsonschema_rs.ValidationError) else ""
            raise ConnectorError(f"this is no JSON Schema{where}: {said}") from None

    def mistake(self, event: Event) -> str | None:
        """What is first wrong with an event, with its JSON path and without its values; None if nothing is."""
        if self._validator.is_valid(event):
            return None
        error = next(self._validator.iter_errors(event))
        return f"{_path(error)}: {error.message}"[:LONGEST]


def _path(error: jsonschema_rs.ValidationError) -> str:
    """Where an error lies, as JSON paths are written: $.user.ids[0]."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
