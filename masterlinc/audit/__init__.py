"""Audit: what was refused, the seals over all rows, and what finds whether one was changed."""
