"""Health, metrics, the status with its page, and logs: the operators' view of the service."""
