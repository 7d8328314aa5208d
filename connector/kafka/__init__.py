"""Kafka at the edge: source, dead-letter producer, commit metadata. Knows no sinks."""
