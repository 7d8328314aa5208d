"""HTTP/1.1 for sinks: single attempts over connections that are kept. Knows no vendor and no Kafka."""
