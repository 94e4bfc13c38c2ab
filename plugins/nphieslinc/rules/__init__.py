"""The rule check: small named rules of NPHIES over a claim or prior authorization request."""

from nphieslinc.rules.check import BUSINESS_RULES, check

__all__ = ["BUSINESS_RULES", "check"]
