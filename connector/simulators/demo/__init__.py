"""The demo: sample events through the real connector, between a Kafka and two vendors that live in this process."""
