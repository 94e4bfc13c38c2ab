"""One scenario for each case that a rule may find: a claim, and what the payer knows."""

from datetime import date
from decimal import Decimal

from claim_builders import benefit, line, price, sar, submission, terms

from claimlinc.adjudication import Facts
from claimlinc.contract import ClaimSubmission, Subject
from policylinc.contract import CoverStatus

Scenario = tuple[ClaimSubmission, Facts]

COVER: tuple[Scenario, ...] = (
    (submission(line()), Facts(None)),
    (submission(line()), Facts(terms(), enrolled_by_simulator=True)),
    (submission(line()), Facts(terms(effective_date=date(2026, 3, 11)))),
    (submission(line()), Facts(terms(expiry_date=date(2026, 3, 9)))),
    (submission(line()), Facts(terms(status=CoverStatus.SUSPENDED))),
    (submission(line()), Facts(terms(status=CoverStatus.INACTIVE))),
    (submission(line(), subject=Subject("Omar")), Facts(terms())),
    (submission(line(), subject=Subject("Omar", birth_date=date(2026, 3, 11))), Facts(terms())),
    (submission(line(maternity=True)), Facts(terms())),
    (submission(line()), Facts(terms(benefit(covered=False)))),
)
MONEY: tuple[Scenario, ...] = (
    (submission(line("100", net=sar("120"))), Facts(terms())),
    (submission(line("100", quantity="0", net=sar(0))), Facts(terms())),
    (submission(line("0", "15")), Facts(terms())),
    (submission(line("60")), Facts(terms(prices=(price("70"),)))),
    (submission(line("100")), Facts(terms(prices=(price("70"),)))),
    (submission(line()), Facts(terms(percent_of_billed=Decimal(0)))),
    (submission(line()), Facts(terms(percent_of_billed=Decimal(0), contract=""))),
    (submission(line("100", "15")), Facts(terms(benefit(copay_percent=Decimal(20), copay_cap=sar(15))))),
    (submission(line()), Facts(terms(benefit(limit=sar(500))))),
    (submission(line()), Facts(terms(benefit(limit=sar(50))))),
    (submission(line()), Facts(terms(benefit(limit=sar(50), used=sar(50))))),
    (submission(line()), Facts(terms(annual_limit=sar(50)))),
    (submission(line()), Facts(terms(annual_limit=sar(0)))),
)
SCENARIOS: tuple[Scenario, ...] = COVER + MONEY
