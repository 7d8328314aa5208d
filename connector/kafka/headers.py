"""A message's headers as a record holds them, and what of them it cannot hold.

Other producers write names that the client cannot give back. Where a name is not UTF-8, `headers()` makes a list with a
hole in place of that name, keeps it, and returns it with an exception set; a NUL ends a name for the client, without a
word.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from confluent_kafka import Message

from connector.kafka.header_sizes import header_sizes, serialised
from connector.model import Headers

NOT_UTF8 = "a header's name is not UTF-8"
CUT = "a header's name holds a NUL"
TOO_MANY = "it has {:,} headers, more than a dead letter can hold"
# The client shows a record of more than 100,000 headers as one without; a letter adds its own to the event's.
MAX_HEADERS = 99_900

# Calls headers() so that the interpreter looks whether an exception is set. It does not in an expression
# `message.headers()` that it has adapted to: the list would come with its hole, and to look into that ends the process.
_call: Any = Message.headers
ask: Callable[[Message], Any] = _call.__call__
# The size of a message's headers: 0 where it has none, -1 where that cannot be told. To be asked before its headers().
size_of = header_sizes()


def checked(found: list[tuple[str, bytes | None]], size: int) -> tuple[Headers, str]:
    """What headers() gave, and what is wrong with it ("": nothing); `size` is what size_of() told."""
    shown = 2 * len(found)  # the least that they take: a byte for each length, a byte for each character
    for name, value in found:
        shown += len(name) + len(value) if value else len(name)
    if shown < size and serialised(found) < size:
        return tuple(found), CUT
    if len(found) > MAX_HEADERS:
        return tuple(found[:MAX_HEADERS]), TOO_MANY.format(len(found))
    return tuple(found), ""


def legible(message: Message) -> tuple[Headers, str]:
    """The headers of a message whose headers() has raised: those whose name could be made a text; raises nothing.

    A pair without its name must not be looked into (there is nothing, not even None); the collector can count what a
    pair holds without doing so.
    """
    try:
        kept: Any = message.headers()
    except Exception:  # noqa: BLE001 - a client that keeps nothing
        kept = ()
    pairs = [pair for pair in kept or () if len(gc.get_referents(pair)) == 2]
    return tuple(pairs[:MAX_HEADERS]), NOT_UTF8
