"""Everything that talks to Kafka: the source, readers without a group, dead letters, commits. Knows no sinks."""
