"""The rule check: small named rules of NPHIES over a claim or prior authorization request."""

from nphieslinc.rules.check import ALL_RULES, check

__all__ = ["ALL_RULES", "check"]
