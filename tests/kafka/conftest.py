"""The desk of an operator with dead letters."""

from __future__ import annotations

from tests.support.dead_letters import desk

__all__ = ["desk"]
