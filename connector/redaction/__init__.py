"""The one place that hides secrets and personal data: in vendors' messages and in payloads shown to people."""

from __future__ import annotations

# Replaces personal data.
MASK = "•••"
# Replaces secrets.
SECRET_MASK = "***"  # noqa: S105 - it replaces secrets and is none
