"""An event against its topic's JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from connector.errors import ConnectorError
from connector.model import Event

LONGEST = 300
# Stands wherever a message would quote the event.
_MASK = "the value"


class EventSchema:
    """One topic's JSON Schema (draft 2020-12 unless its `$schema` names another), compiled.

    Raises ConnectorError for what is no schema, and for one that refers to another file or to the network: nothing
    is fetched.
    """

    def __init__(self, schema: dict[str, Any] | bool) -> None:
        try:
            self._validator = jsonschema_rs.validator_for(schema, retriever=_refuse, mask=_MASK)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise ConnectorError(f"this is no JSON Schema: {str(error).partition(chr(10))[0][:LONGEST]}") from None

    def mistake(self, event: Event) -> str | None:
        """What is first wrong with an event, with its JSON path and without its values; None if nothing is."""
        if self._validator.is_valid(event):
            return None
        error = next(iter(self._validator.iter_errors(event)))
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        return f"${path}: {error.message}"[:LONGEST]


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema must stand alone; it refers to {uri}")
