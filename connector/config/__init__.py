"""The configuration file: read, checked for all mistakes at once, turned into frozen settings."""
