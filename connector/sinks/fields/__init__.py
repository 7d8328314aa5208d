"""The fields that vendors document: one table a method, and the checks, schemas and encoders made of it. Pure."""
