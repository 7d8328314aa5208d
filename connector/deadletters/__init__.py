"""Dead letters once they are written: reading, grouping, closing by receipts, and sending them again."""
