"""One kind of mistake, and a group of them, as docs/mistakes.md explains them."""

from __future__ import annotations

from typing import NamedTuple


class MistakeKind(NamedTuple):
    """One kind of mistake.

    `name` is in lower case with dashes; it stands in brackets after the message, and is the anchor in
    docs/mistakes.md. `meaning` says in a sentence or two what goes wrong and why. `wrong` and `right` are YAML: a piece
    of a configuration in which the mistake stands, and the same piece without it. `event` is a JSON event that shows
    the mistake, for those that only an event reveals; "" where the configuration alone does. All three are "" where no
    configuration and no JSON shows it.

    A piece holds keys of the file (`kafka`, `sinks`, …) or keys of one route (`when`, `fields`, …). Keys of a route
    change a customEvent route; where the piece has its own `to`, its `fields` are all that the route has.
    """

    name: str
    meaning: str
    wrong: str
    right: str
    event: str = ""


class MistakeGroup(NamedTuple):
    """Kinds of mistakes that a reader looks for in one place of docs/mistakes.md, under one title."""

    title: str
    kinds: tuple[MistakeKind, ...]
