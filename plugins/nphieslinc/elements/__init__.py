"""The element rules of NPHIES: which elements a message has, how often, and of what type."""

from nphieslinc.elements.walk import check_resource

__all__ = ["check_resource"]
