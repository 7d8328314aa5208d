"""What SailPlay's document leaves open, as switches of its simulator: an operator can rehearse either answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SailPlaySwitches:
    """What public material says, unless told otherwise."""

    rate: int = 50  # requests a second, past which it answers 429; 0: any number
    token_seconds: int = 0  # how long a token from login is valid; 0: until it is revoked
    status_code: Literal["number", "text", "absent"] = "number"  # how an error names its code
    client_after: int = 0  # seconds for which a client that is new to it is unknown (-4000)
