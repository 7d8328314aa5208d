"""What operators look at: health, metrics, the status and its page, logs."""
