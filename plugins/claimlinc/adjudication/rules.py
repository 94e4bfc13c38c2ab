"""All rules, in the one order in which they look at a line."""

from claimlinc.adjudication.authorization import AUTHORIZATION_RULES, AUTHORIZED_RULES
from claimlinc.adjudication.benefit import BENEFIT_RULES
from claimlinc.adjudication.cover import COVER_RULES
from claimlinc.adjudication.edits.filing import FILING_RULES
from claimlinc.adjudication.edits.follow_up import FOLLOW_UP_RULES
from claimlinc.adjudication.edits.packages import PACKAGE_RULES
from claimlinc.adjudication.edits.pairing import PAIRING_RULES
from claimlinc.adjudication.edits.patient import PATIENT_RULES
from claimlinc.adjudication.edits.refill import REFILL_RULES
from claimlinc.adjudication.edits.repeats import REPEAT_RULES
from claimlinc.adjudication.exclusions import EXCLUSION_RULES
from claimlinc.adjudication.limits import LIMIT_RULES
from claimlinc.adjudication.price import PRICE_RULES
from claimlinc.adjudication.shares import SHARE_RULES, TAX_RULES
from claimlinc.adjudication.work import Rule

RULES_VERSION = "2"

ELIGIBILITY_RULES: tuple[Rule, ...] = COVER_RULES + BENEFIT_RULES + EXCLUSION_RULES + AUTHORIZATION_RULES
EDIT_RULES: tuple[Rule, ...] = (
    FILING_RULES + REPEAT_RULES + FOLLOW_UP_RULES + REFILL_RULES + PACKAGE_RULES + PATIENT_RULES + PAIRING_RULES
)
MONEY_RULES: tuple[Rule, ...] = PRICE_RULES + AUTHORIZED_RULES + SHARE_RULES + LIMIT_RULES + TAX_RULES
RULES: tuple[Rule, ...] = ELIGIBILITY_RULES + EDIT_RULES + MONEY_RULES
