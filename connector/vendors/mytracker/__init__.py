"""myTracker: analytics, in batches of up to 20 events."""
