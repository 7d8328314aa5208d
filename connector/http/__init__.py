"""HTTP/1.1 for sinks: single attempts over kept connections. Knows no vendor and no Kafka."""
