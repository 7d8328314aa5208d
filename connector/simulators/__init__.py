"""Both vendors and Kafka inside one process, for the demo, rehearsals and tests."""
