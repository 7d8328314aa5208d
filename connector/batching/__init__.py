"""Items become batches within a vendor's limits; rejected batches are split. Pure."""
