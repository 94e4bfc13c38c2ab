"""The adjudicator: a pure function of a submission and the payer's terms."""

from claimlinc.adjudication.decision import benefit_uses, decide
from claimlinc.adjudication.facts import Facts
from claimlinc.adjudication.rules import RULES, RULES_VERSION

__all__ = ["RULES", "RULES_VERSION", "Facts", "benefit_uses", "decide"]
