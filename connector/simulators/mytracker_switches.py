"""What myTracker's document leaves open, as switches of its simulator: an operator can rehearse either answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MyTrackerSwitches:
    """The document's own limits and the strict reading, unless told otherwise."""

    oversize: Literal["400", "413"] = "400"  # the status for a body that is too large
    max_bytes: int = 10_000  # what "10Kb" is
    unknown_fields: Literal["refuse", "accept"] = "refuse"  # fields that the document does not list
    numeric_texts: Literal["accept", "refuse"] = "accept"  # numbers as texts, as in its example "age": "25"
    refused_batch: Literal["none", "partial"] = "none"  # what of it takes effect: nothing, or its good events
    id_transaction: Literal["again", "once"] = "again"  # how a payment counts whose idTransaction came before
    rate: int = 0  # requests a second, past which it answers 429; 0: any number
    probes: Literal["answer", "absent"] = "answer"  # version and test-app-access: the document does not have them
