"""How often a caller may come: exact in every window, over all processes where there is Redis, stricter without."""

from masterlinc.limits.limiter import Limits
from masterlinc.limits.policy import OverLimit, Policy, Taken

__all__ = ["Limits", "OverLimit", "Policy", "Taken"]
