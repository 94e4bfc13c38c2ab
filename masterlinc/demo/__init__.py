"""Demo data, made by the agents' own services from a fixed seed."""

from masterlinc.demo.loader import DOMAIN, ROLES, ensure

__all__ = ["DOMAIN", "ROLES", "ensure"]
