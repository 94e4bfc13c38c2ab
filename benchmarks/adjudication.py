"""How fast claims are decided in memory: on one core, with the inputs of every trace, and with no words rendered.

Claims of one to eight lines of four types are decided again and again, each on terms of its own: eighteen benefits (six
of them parts with codes), limits of every kind, a co-pay with a cap, agreed prices, six rules on services, an
authorization, and twelve lines of history. Some lines are partial, rejected or pended, as in life. What is counted is
`decide` alone: who calls it has read the claim and the facts.
"""

import argparse
import cProfile
import gc
import json
import pstats
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

from benchmarks.machine import machine
from claimlinc.adjudication import RULES, Facts, decide
from claimlinc.adjudication.facts import Authorization, AuthorizedLine, PastLine
from claimlinc.contract import (
    CareTeamMember,
    ClaimSubmission,
    ClaimType,
    Coding,
    Cover,
    Diagnosis,
    Identifier,
    Line,
    Outcome,
    Subject,
    Use,
)
from masterlinc.money import Money, Quantity, money
from policylinc.contract import (
    BenefitLimit,
    BenefitTerm,
    CoverStatus,
    LimitKind,
    LimitPer,
    Price,
    ServiceRule,
    ServiceRuleKind,
    Terms,
)

DAY = date(2026, 3, 10)
SYSTEM = "http://nphies.sa/terminology/CodeSystem/services"
WHOLES = ("inpatient", "outpatient", "pharmacy", "dental", "optical", "maternity")
TYPES = (ClaimType.PROFESSIONAL, ClaimType.PROFESSIONAL, ClaimType.PHARMACY, ClaimType.ORAL, ClaimType.INSTITUTIONAL)
PAYER, MEMBER, POLICY = (UUID(int=number) for number in (1, 2, 3))
CLAIMS = 500
GOAL = 20_000


def main() -> int:
    """Measure, print JSON, and one line of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adjudication", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a first impression")
    parser.add_argument("--lines", type=int, default=100_000, help="to decide in each of five rounds")
    parser.add_argument("--profile", action="store_true", help="say where the time goes, and measure nothing")
    options = parser.parse_args()
    work = [*claims(random.Random(4711), CLAIMS)]  # nosec B311 - the same claims each time
    if options.profile:
        profile(work)
        return 0
    report = measure(work, 20_000 if options.short else options.lines, 3 if options.short else 5)
    print(json.dumps(report, indent=2))
    print(f"{report['lines_per_second']:,} lines/s, goal {GOAL:,}", file=sys.stderr)
    return 0


def measure(work: list[tuple[ClaimSubmission, Facts]], lines: int, rounds: int) -> dict[str, Any]:
    """Decide so many lines in each round, on one core."""
    outcomes = Counter(line.outcome.value for claim, facts in work for line in decide(claim, facts).lines)
    gc.collect()
    gc.freeze()  # as a serving process does after its start
    taken, decided = [], 0
    for _ in range(rounds):
        began, decided = time.process_time(), 0
        while decided < lines:
            for claim, facts in work:
                decide(claim, facts)
                decided += len(claim.lines)
        taken.append((time.process_time() - began) / decided)
    return {
        "machine": machine(),
        "rules": len(RULES),
        "claims": len(work),
        "lines_per_claim": round(sum(len(claim.lines) for claim, _ in work) / len(work), 2),
        "outcomes": dict(sorted(outcomes.items())),
        "rounds": rounds,
        "lines_per_round": decided,
        "lines_per_second": round(1 / median(taken)),
        "slowest_and_fastest_round": [round(1 / max(taken)), round(1 / min(taken))],
        "processor_us_per_line": round(median(taken) * 1e6, 1),
        "goal_lines_per_second": GOAL,
    }


def profile(work: list[tuple[ClaimSubmission, Facts]]) -> None:
    """Print the functions that take most of the time."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(5):
        for claim, facts in work:
            decide(claim, facts)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


def claims(chance: random.Random, count: int) -> Iterator[tuple[ClaimSubmission, Facts]]:
    """Make claims, each with what its payer knows."""
    for number in range(count):
        lines = tuple(_line(chance, sequence) for sequence in range(1, chance.randint(1, 8) + 1))
        claim = ClaimSubmission(
            claim_type=chance.choice(TYPES),
            sub_type=chance.choice(("op", "op", "op", "ip", "emr")),
            use=Use.CLAIM,
            identifier=Identifier("http://clinic.test/claim", f"C-{number}"),
            created=DAY,
            provider_license="PR-FHIR",
            payer_license="INS-FHIR",
            subject=Subject("Sara Ali", birth_date=date(1990, 1, 1), gender="female"),
            cover=Cover(member_id="0002", policy_number="POL-1"),
            lines=lines,
            total=money(sum(one.net for one in lines)),
            diagnoses=(Diagnosis(1, "J06.9", "principal"), Diagnosis(2, "E11.9")),
            care_team=(CareTeamMember(1, "Dr Amal", "LIC-1"),),
        )
        yield claim, _facts(chance, lines)


def _code(chance: random.Random) -> str:
    return f"{chance.randint(11, 99)}{chance.randint(0, 99):02}0-{chance.randint(0, 9):02}-00"


def _line(chance: random.Random, sequence: int) -> Line:
    price, quantity = Money(Decimal(chance.randint(1000, 90000)).scaleb(-2)), Quantity(chance.randint(1, 4))
    tax = money(price * quantity * 15 / 100)
    return Line(
        sequence=sequence,
        codes=(Coding(SYSTEM, _code(chance)),),
        quantity=quantity,
        unit_price=price,
        net=money(price * quantity + tax + (chance.random() < 0.02)),
        tax=tax,
        service_date=DAY - timedelta(days=chance.randint(0, 2)),
        diagnosis_sequences=chance.choice(((), (1,), (2,))),
        care_team_sequences=(1,),
    )


def _facts(chance: random.Random, lines: tuple[Line, ...]) -> Facts:
    codes = [line.codes for line in lines]
    known = Terms(
        payer_organization_id=PAYER,
        member_id=MEMBER,
        policy_id=POLICY,
        policy_number="POL-1",
        policy_class="B",
        product="CHI_STANDARD",
        status=CoverStatus.ACTIVE,
        effective_date=date(2026, 1, 1),
        expiry_date=date(2026, 12, 31),
        annual_limit=Money("1000000.00"),
        annual_used=Money("12345.67"),
        deductible=Money("100.00"),
        deductible_used=Money("40.00"),
        benefits=tuple(_benefits()),
        prices=tuple(
            Price(SYSTEM, line.codes[0].code, money(line.unit_price * chance.choice((80, 100, 120)) / 100))
            for line in lines
            if chance.random() < 0.7
        ),
        percent_of_billed=Decimal(85),
        contract="CON-1",
        version="CHI_STANDARD/B@2026-01-01.0a1b2c",
        network="Gold",
        member_since=date(2024, 1, 1),
        birth_date=date(1990, 1, 1),
        sex="female",
        rules=tuple(_rules()),
        follow_up_days=14,
        filing_days=45,
        vat_percent=Decimal(15),
    )
    held = Authorization(
        "AUT-1",
        DAY - timedelta(days=9),
        DAY + timedelta(days=21),
        tuple(AuthorizedLine(one, Decimal(3), Money("900.00")) for one in codes if chance.random() < 0.9),
    )
    return Facts(known, history=tuple(_history(chance)), authorizations=(held,), received_on=DAY)


def _benefits() -> Iterator[BenefitTerm]:
    percent, cap, used = Decimal(20), Money("75.00"), Money("321.00")
    for place, name in enumerate(WHOLES):
        yearly = BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, Decimal(40), Decimal(7))
        yield BenefitTerm(name, f"{name}@3", True, percent, cap, Money("20000.00"), used, limits=(yearly,))
        yield BenefitTerm(
            benefit=f"{name}-part",
            rule_id=f"{name}-part@1",
            covered=True,
            copay_percent=percent,
            copay_cap=cap,
            limit=Money("5000.00"),
            used=used,
            copay_cap_per=LimitPer.ITEM,
            parent=name,
            codes=(f"{place + 2}1*", f"{place + 2}2500..{place + 2}2999"),
            limits=(BenefitLimit(LimitKind.AMOUNT, LimitPer.VISIT, Decimal(1500)),),
        )
        yield BenefitTerm(f"{name}-other", f"{name}-other@1", True, percent, None, None, used, waiting_days=30)


def _rules() -> Iterator[ServiceRule]:
    for kind, more in (
        (ServiceRuleKind.EXCLUSION, {"codes": ("999*", "45500..45599")}),
        (ServiceRuleKind.EXCLUSION, {"diagnoses": ("Z41*",)}),
        (ServiceRuleKind.AUTHORIZATION, {"above": Money("500.00"), "benefits": ("outpatient",)}),
        (ServiceRuleKind.WAITING, {"codes": ("165*",), "days": 270}),
        (ServiceRuleKind.SEX, {"codes": ("355*",), "sex": "female"}),
        (ServiceRuleKind.FREQUENCY, {"codes": ("110*",), "count": 2, "days": 30}),
    ):
        yield ServiceRule(id=f"{kind.value}@1", kind=kind, text="A rule", text_ar="قاعدة", **more)  # type: ignore[arg-type]


def _history(chance: random.Random) -> Iterator[PastLine]:
    for number in range(12):
        yield PastLine(
            decision_id=UUID(int=100 + number),
            claim=f"P-{number}",
            sequence=1,
            service_date=DAY - timedelta(days=60 - 4 * number),
            provider_organization_id=PAYER,
            codes=(Coding(SYSTEM, _code(chance)),),
            benefit="outpatient",
            quantity=Decimal(1),
            outcome=Outcome.APPROVED,
            practitioner="LIC-1",
            diagnoses=("J06.9",),
        )


if __name__ == "__main__":
    sys.exit(main())
