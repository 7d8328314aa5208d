"""Field tables of vendors' methods, and the checks, schemas and encoders made of them. Pure."""
