"""One scenario for each case that a rule may find: a claim, and what the payer knows."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from claim_builders import SERVICES, benefit, line, price, sar, submission, terms
from edit_scenarios import EDITS
from msgspec.structs import replace

from claimlinc.adjudication import Facts
from claimlinc.adjudication.facts import Authorization, AuthorizedLine, EmergencyNotice, LineRuling, Review
from claimlinc.contract import ClaimSubmission, Coding, Outcome, Subject, Use
from policylinc.contract import (
    BenefitLimit,
    BenefitTerm,
    CoverStatus,
    LimitKind,
    LimitPer,
    ServiceRule,
    ServiceRuleKind,
)

Scenario = tuple[ClaimSubmission, Facts]


def rule(kind: ServiceRuleKind, **more: Any) -> ServiceRule:
    """Build a payer's rule on services."""
    return ServiceRule(
        id=f"{kind.value}.test@1", kind=kind, text="A rule of the payer", text_ar="قاعدة لدى الجهة الدافعة", **more
    )


def wants(**more: Any) -> ServiceRule:
    """Build a rule that wants a pre-authorization."""
    return rule(ServiceRuleKind.AUTHORIZATION, **more)


def held(quantity: str = "5", amount: str = "1000", **more: Any) -> Authorization:
    """Build an authorization of the one service of these tests."""
    codes = more.pop("codes", (Coding(SERVICES, "83600-00-10"),))
    values = {"reference": "AUT-1", "valid_from": date(2026, 3, 1), "valid_to": date(2026, 3, 31)} | more
    return Authorization(**values, lines=(AuthorizedLine(codes, Decimal(quantity), sar(amount)),))


def limit(kind: str, per: str, value: str, used: str = "0") -> BenefitLimit:
    """Build a limit of a benefit."""
    return BenefitLimit(LimitKind(kind), LimitPer(per), Decimal(value), Decimal(used))


def part(name: str = "physiotherapy", **more: Any) -> BenefitTerm:
    """Build a part of the outpatient benefit that the one service of these tests belongs to."""
    return benefit(name, **({"parent": "outpatient", "codes": ("83600*",)} | more))


COVER: tuple[Scenario, ...] = (
    (submission(line()), Facts(None)),
    (submission(line()), Facts(terms(), enrolled_by_simulator=True)),
    (submission(line()), Facts(terms(effective_date=date(2026, 3, 11)))),
    (submission(line()), Facts(terms(expiry_date=date(2026, 3, 9)))),
    (submission(line()), Facts(terms(status=CoverStatus.SUSPENDED))),
    (submission(line()), Facts(terms(status=CoverStatus.INACTIVE))),
    (submission(line(), subject=Subject("Omar")), Facts(terms())),
    (submission(line(), subject=Subject("Omar", birth_date=date(2026, 3, 11))), Facts(terms())),
    (submission(line()), Facts(terms(network="Gold"))),
    (submission(line()), Facts(terms(network="Gold", in_network=False))),
    (submission(line(), sub_type="emr"), Facts(terms(network="Gold", in_network=False))),
    (submission(line(maternity=True)), Facts(terms())),
    (submission(line()), Facts(terms(part()))),
    (submission(line()), Facts(terms(benefit(covered=False)))),
)
EXCLUSIONS: tuple[Scenario, ...] = (
    (submission(line()), Facts(terms(benefit(waiting_days=30), member_since=date(2026, 1, 1)))),
    (submission(line()), Facts(terms(benefit(waiting_days=90), member_since=date(2026, 1, 1)))),
    (submission(line()), Facts(terms(benefit(waiting_days=90)))),
    (
        submission(line()),
        Facts(terms(rules=(rule(ServiceRuleKind.WAITING, days=90),), member_since=date(2026, 1, 1))),
    ),
    (submission(line()), Facts(terms(rules=(rule(ServiceRuleKind.EXCLUSION, codes=("83600*",)),)))),
    (submission(line()), Facts(terms(rules=(rule(ServiceRuleKind.EXCLUSION, diagnoses=("J06*",)),)))),
)
AUTHORIZATIONS: tuple[Scenario, ...] = (
    (submission(line(), use=Use.PREAUTHORIZATION), Facts(terms(rules=(wants(),)))),
    (submission(line(), encounter_class="EMER"), Facts(terms(rules=(wants(),)))),
    (submission(line()), Facts(terms(rules=(wants(),)))),
    (submission(line(), preauth_refs=("AUT-9",)), Facts(terms(rules=(wants(),)), authorizations=(held(),))),
    (
        submission(line(), preauth_refs=("AUT-1",)),
        Facts(terms(rules=(wants(),)), authorizations=(held(codes=(Coding(SERVICES, "1"),)),)),
    ),
    (submission(line()), Facts(terms(rules=(wants(),)), authorizations=(held(valid_to=date(2026, 3, 9)),))),
    (submission(line()), Facts(terms(rules=(wants(),)), authorizations=(held(),))),
    (submission(line()), Facts(terms(rules=(wants(),)), authorizations=(held(amount="60"),))),
    (submission(line()), Facts(terms(rules=(wants(),)), authorizations=(held(quantity="0"),))),
)
PRICES: tuple[Scenario, ...] = (
    (submission(line("100", net=sar("120"))), Facts(terms())),
    (submission(line("100", quantity="0", net=sar(0))), Facts(terms())),
    (submission(line("0", "15")), Facts(terms())),
    (submission(line("60")), Facts(terms(prices=(price("70"),)))),
    (submission(line("100")), Facts(terms(prices=(price("70"),)))),
    (submission(line()), Facts(terms(percent_of_billed=Decimal(0)))),
    (submission(line()), Facts(terms(percent_of_billed=Decimal(0), contract=""))),
    (submission(line("100", "15")), Facts(terms(vat_percent=Decimal(15)))),
    (submission(line("100", "20")), Facts(terms(vat_percent=Decimal(15)))),
    (submission(line("100", "100")), Facts(terms(vat_percent=Decimal(15)))),
)
SHARES: tuple[Scenario, ...] = (
    (submission(line("100", "15")), Facts(terms(benefit(copay_percent=Decimal(20), copay_cap=sar(15))))),
    (
        submission(line()),
        Facts(terms(benefit(copay_percent=Decimal(20), copay_cap=sar(15), copay_cap_per=LimitPer.ITEM))),
    ),
    (submission(line()), Facts(terms(annual_limit=sar(50)))),
    (submission(line()), Facts(terms(annual_limit=sar(0)))),
    *((submission(line()), Facts(terms(benefit(limit=sar(most))))) for most in ("500", "50", "0")),
    *((submission(line()), Facts(terms(benefit(limits=(limit("amount", "visit", most),))))) for most in ("50", "0")),
    *((submission(line()), Facts(terms(part(), benefit(limit=sar(most))))) for most in ("500", "50", "0")),
    *(
        (submission(line()), Facts(terms(part(), benefit(limits=(limit("amount", "lifetime", most),)))))
        for most in ("50", "0")
    ),
    *(
        (submission(line(quantity="3")), Facts(terms(benefit(limits=(limit("count", per, most),)))))
        for per in ("year", "lifetime", "visit", "item")
        for most in ("5", "2", "0")
    ),
)
_CAME = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
EMERGENCIES: tuple[Scenario, ...] = tuple(
    (submission(line(), sub_type="emr"), Facts(terms(), emergency_notice=notice))
    for notice in (
        EmergencyNotice(24),
        EmergencyNotice(24, _CAME, _CAME + timedelta(hours=24), in_time=True),
        EmergencyNotice(24, _CAME, _CAME + timedelta(hours=25), in_time=False),
    )
)
_APPROVED = LineRuling(1, Outcome.APPROVED)
_WHY = {"denial_code": "MN-1-1", "reason": "Not justified.", "reason_ar": "غير مبرر."}
_OVERRIDES = {"override": True, "override_reason": "A promise.", "override_reason_ar": "وعد."}
REVIEWS: tuple[Scenario, ...] = tuple(
    (submission(line()), Facts(terms(prices=prices), review=Review("USR-1", (ruling,), ran_out=ran_out)))
    for ran_out in ("", "2026-03-10 10:00")
    for ruling, prices in (
        (_APPROVED, ()),
        (_APPROVED, (price("70"),)),
        (LineRuling(1, Outcome.PARTIAL, sar(40), **_WHY), ()),
        (LineRuling(1, Outcome.REJECTED, **_WHY), ()),
        (replace(_APPROVED, **_OVERRIDES), (price("70"),)),
    )
)
SCENARIOS: tuple[Scenario, ...] = COVER + EXCLUSIONS + AUTHORIZATIONS + PRICES + SHARES + EDITS + EMERGENCIES + REVIEWS
