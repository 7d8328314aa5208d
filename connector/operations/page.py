"""The page for people: facts rendered on the server; its script fetches the page again and swaps them in."""

from __future__ import annotations

HEADERS = {"Cache-Control": "no-store"}


def render(facts: object, points: object, configuration: str) -> str:  # noqa: ARG001 - comes next
    """The page."""
    return "<!doctype html><title>connector</title>"
