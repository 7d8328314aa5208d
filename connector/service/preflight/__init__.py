"""The checks of `check --live`, which ask brokers, topics and vendors. They join no group and write nothing."""
