"""Vendors behind one seam: a request and a judgement, two pure functions. One HTTP sink does the rest."""
