"""Faults on purpose, and what must be true after them."""
