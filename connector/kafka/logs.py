"""librdkafka's own log lines, through Python's logging under one name."""

from __future__ import annotations

import logging


def client_logger(role: str) -> logging.Logger:
    """The logger handed to a client; `role` is consumer or producer."""
    return logging.getLogger(f"librdkafka.{role}")
