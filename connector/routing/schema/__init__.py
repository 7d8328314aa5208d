"""The check of an event against a JSON Schema in bounded work: its cost is counted first, and a slow check is done in
counted steps. Pure."""
