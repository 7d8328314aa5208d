"""What an expression says beside what its writer meant: findings, each with what to write instead."""

from __future__ import annotations

from connector.expressions.lint.findings import lint
from connector.expressions.lint.places import Finding

__all__ = ["Finding", "lint"]
