"""Beacon for the connector: fields, sink, configuration and a simulator."""
