"""Messages that differ only in a value become one: what varies is folded into placeholders. Pure."""

from __future__ import annotations

import re

# In this order: what is more telling first. A quote or a number inside a word is no value.
_FOLDS = (
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "<address>"),
    (re.compile(r'"(?:[^"\\]|\\.)*"|(?<!\w)\'(?:[^\'\\]|\\.)*\'(?!\w)|«[^»]*»|“[^”]*”'), "<text>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}\b"), "<id>"),
    (re.compile(r"(?<![\w.<])[+-]?\d+(?:[.,]\d+)*(?!\w)"), "<n>"),
)


def normalise_message(message: str) -> str:
    """The message with URLs, identifiers, addresses, quoted texts, times and numbers replaced by placeholders."""
    for pattern, placeholder in _FOLDS:
        message = pattern.sub(placeholder, message)
    return message
