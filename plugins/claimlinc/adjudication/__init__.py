"""The adjudicator: a pure function of a submission and the payer's terms."""

from claimlinc.adjudication.decision import RULES, RULES_VERSION, benefit_uses, decide
from claimlinc.adjudication.facts import Facts

__all__ = ["RULES", "RULES_VERSION", "Facts", "benefit_uses", "decide"]
