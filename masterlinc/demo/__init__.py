"""Demo data, made by the agents' own services from a fixed seed."""

from masterlinc.demo.loader import DOMAIN, ROLES, ensure, password_of

__all__ = ["DOMAIN", "ROLES", "ensure", "password_of"]
