"""One kind of mistake as docs/mistakes.md explains it."""

from __future__ import annotations

from typing import NamedTuple


class MistakeKind(NamedTuple):
    """One kind of mistake.

    `name` is in lower case with dashes; it stands in brackets after the message, and is the anchor in
    docs/mistakes.md. `meaning` says in a sentence or two what goes wrong and why. `wrong` and `right` are YAML: a piece
    of a configuration in which the mistake stands, and the same piece without it. `event` is a JSON event that shows
    the mistake, for those that only an event reveals; "" where the configuration alone does.
    """

    name: str
    meaning: str
    wrong: str
    right: str
    event: str = ""
