"""From poll to commit: the only room that knows both Kafka and the vendors."""
