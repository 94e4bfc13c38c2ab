"""Builders of submissions and terms for the tests of claimlinc."""

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from claimlinc import adjudication
from claimlinc.adjudication import Facts, words
from claimlinc.contract import (
    ClaimSubmission,
    ClaimType,
    Coding,
    Cover,
    Decision,
    Diagnosis,
    Identifier,
    Line,
    Subject,
    Use,
)
from masterlinc.identity import make_saudi_id
from masterlinc.money import ZERO, Money, Quantity, money
from policylinc.contract import BenefitTerm, CoverStatus, Price, Terms

NATIONAL_ID_OF_SARA = make_saudi_id("national_id", 4711)
DAY = date(2026, 3, 10)
SERVICES = "http://nphies.sa/terminology/CodeSystem/services"
PAYER = UUID("0190a000-0000-7000-8000-000000000001")
MEMBER = UUID("0190a000-0000-7000-8000-000000000002")
POLICY = UUID("0190a000-0000-7000-8000-000000000003")
_SITES = count(1)
BENEFITS = ("inpatient", "outpatient", "pharmacy", "dental", "optical", "maternity")


def sar(text: str | int) -> Money:
    return Money.parse(text)


def line(price: str = "100.00", tax: str = "0.00", quantity: str = "1", **more: Any) -> Line:
    """Build a line whose net adds up unless `net` is given; a duplicate of another only where it says its site."""
    factor = more.get("factor", Quantity(1))
    net = money(Decimal(price) * Decimal(quantity) * factor + Decimal(tax))
    values: dict[str, Any] = {
        "sequence": 1,
        "codes": (Coding(SERVICES, "83600-00-10"),),
        "quantity": Quantity.parse(quantity),
        "unit_price": sar(price),
        "net": net,
        "tax": sar(tax),
        "service_date": DAY,
        "body_site": f"site-{next(_SITES)}",
    }
    return Line(**(values | more))


def submission(*lines: Line, **more: Any) -> ClaimSubmission:
    values: dict[str, Any] = {
        "claim_type": ClaimType.PROFESSIONAL,
        "sub_type": "op",
        "use": Use.CLAIM,
        "identifier": Identifier("http://clinic.test/claim", "req_1"),
        "created": DAY,
        "provider_license": "PR-FHIR",
        "payer_license": "INS-FHIR",
        "subject": Subject(name="Sara Ali", birth_date=date(1990, 1, 1), gender="female"),
        "cover": Cover(member_id="0002", policy_number="POL-1"),
        "lines": lines,
        "total": money(sum(x.net for x in lines)),
        "diagnoses": (Diagnosis(1, "J06.9", "principal"),),
    }
    return ClaimSubmission(**(values | more))


def benefit(name: str = "outpatient", **more: Any) -> BenefitTerm:
    values: dict[str, Any] = {
        "benefit": name,
        "rule_id": f"b.{name}.1",
        "covered": True,
        "copay_percent": Decimal(0),
        "copay_cap": None,
        "limit": None,
        "used": ZERO,
    }
    return BenefitTerm(**(values | more))


def terms(*benefits: BenefitTerm, **more: Any) -> Terms:
    named = {term.benefit for term in benefits}
    values: dict[str, Any] = {
        "payer_organization_id": PAYER,
        "member_id": MEMBER,
        "policy_id": POLICY,
        "policy_number": "POL-1",
        "policy_class": "B",
        "product": "Demo B",
        "status": CoverStatus.ACTIVE,
        "effective_date": date(2026, 1, 1),
        "expiry_date": date(2026, 12, 31),
        "annual_limit": sar(500000),
        "annual_used": ZERO,
        "deductible": ZERO,
        "deductible_used": ZERO,
        "benefits": (*benefits, *(benefit(name) for name in BENEFITS if name not in named)),
        "prices": (),
        "percent_of_billed": Decimal(100),
        "contract": "CON-1",
        "version": "1",
    }
    return Terms(**(values | more))


def price(amount: str, code: str = "83600-00-10") -> Price:
    return Price(SERVICES, code, sar(amount))


def decide(claim: ClaimSubmission, agreed: Terms | None, **known: Any) -> Decision:
    """Decide a claim on the payer's terms and whatever else is known; everything is in words, as it is read."""
    decision = words.with_reasons(adjudication.decide(claim, Facts(agreed, **known)))
    lines = tuple(replace(one, trace=words.spoken(one.trace)) for one in decision.lines)
    return replace(decision, lines=lines, trace=words.spoken(decision.trace))
