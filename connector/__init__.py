"""Kafka events to myTracker and SailPlay: routed, mapped, batched to the byte, committed only when accepted."""

__version__ = "0.1.0"
