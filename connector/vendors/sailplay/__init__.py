"""SailPlay: loyalty points, one call an event."""
