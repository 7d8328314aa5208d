"""Items become batches: key order, exact bytes, isolation by halving. Pure."""
