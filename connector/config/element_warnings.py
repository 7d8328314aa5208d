"""Warnings about routes with `each`: what is right for an event may be wrong for every element of its list."""

from __future__ import annotations

from collections.abc import Iterator

from connector.errors import Mistake
from connector.expressions.nodes import Node
from connector.expressions.parser import parse
from connector.settings.values import Settings


def element_warnings(settings: Settings) -> Iterator[Mistake]:
    """Yield a warning for each idTransaction that all items of an event share, though it comes from the event."""
    for route in settings.routes:
        expression = route.fields.get("idTransaction")
        if route.each is None or not isinstance(expression, str):
            continue
        tree = parse(expression)
        if _reads_event(tree) and not _reads_element(tree):
            yield Mistake(
                f"routes[{route.index}].fields.idTransaction",
                f"{expression} is the same for every item of an event: it must be unique to each payment, or payments "
                "are lost",
                "shared-transaction-id",
            )


def _reads_event(node: Node) -> bool:
    """True if an expression reads the event or its record: what reads neither has a warning already."""
    if node.kind == "root" or (node.kind == "call" and node.value in {"key", "header"}):
        return True
    return any(map(_reads_event, node.children))


def _reads_element(node: Node, at_element: bool = True) -> bool:
    if node.kind in {"field", "current"}:
        return at_element
    # In $.order.id what follows the first part is evaluated on that, not on the element.
    follows = node.kind in {"chain", "projection"}
    return any(
        _reads_element(child, at_element and not (follows and position)) for position, child in enumerate(node.children)
    )
