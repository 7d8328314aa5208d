"""What operators look at: metrics, health, status, logs, live checks."""
