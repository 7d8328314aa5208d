"""How much work a JSON Schema may make for an event, counted before it is done, and a check in counted steps. Pure."""
