"""The demo's claims: of every type and provider, and in every state once the payers have answered."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from authlinc.contract import DEMO_PAYERS, DEMO_PROVIDERS, FindOrganization, OrganizationInfo
from claimlinc.contract import ClaimType
from claimlinc.errors import ClaimNumberTaken
from claimlinc.schemas import CareTeamForm, ClaimForm, DiagnosisForm, IdentifierForm, LineForm, PatientForm
from claimlinc.service.intake import submit
from masterlinc.agent import DemoPerson, DemoPlan
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.identity import check_saudi_id
from masterlinc.money import Quantity, money

_TERMS = "http://nphies.sa/terminology/CodeSystem"
_HOSPITAL, _PHARMACY, _DENTIST, _OPTICIAN = DEMO_PROVIDERS
_RECENT_DAYS = 90
_BEFORE_ANY_POLICY = 1200  # days ago: the policies began with the last year
_VAT = Decimal("0.15")
_TOLD_EVERY = 100

# provider, claim type, sub-type, code system, code, lowest and highest price, diagnosis
_KINDS: tuple[tuple[str, ClaimType, str, str, str, int, int, str], ...] = (
    (_HOSPITAL, ClaimType.PROFESSIONAL, "op", "services", "83600-00-10", 120, 180, "J06.9"),
    (_HOSPITAL, ClaimType.PROFESSIONAL, "op", "services", "83600-00-10", 190, 320, "R51"),  # more than was agreed
    (_HOSPITAL, ClaimType.PROFESSIONAL, "op", "services", "83620-00-10", 100, 400, "S83.1"),
    (_HOSPITAL, ClaimType.INSTITUTIONAL, "ip", "procedures", "38618-00-00", 9000, 14500, "R07.1"),
    (_PHARMACY, ClaimType.PHARMACY, "op", "medication-codes", "06285096001627", 20, 150, "R07.1"),
    (_DENTIST, ClaimType.ORAL, "op", "oral-health-op", "012", 150, 350, "K01.1"),
    (_DENTIST, ClaimType.ORAL, "op", "oral-health-op", "618", 900, 2600, "K02.9"),  # soon beyond the dental limit
    (_OPTICIAN, ClaimType.VISION, "op", "procedures", "96092-00-10", 300, 900, "Z01.0"),
)


async def demo(ctx: Context, plan: DemoPlan) -> None:
    """Submit the demo's claims; those that are there already stay."""
    chance = random.Random(plan.seed + 1)  # nosec B311 # noqa: S311 - the same claims for the same seed is the point
    scopes = {license_: await _scope(ctx, license_) for license_ in DEMO_PROVIDERS}
    for number in range(1, plan.claims + 1):
        provider, form = _form(chance, number, plan.people, today(ctx.clock))
        with suppress(ClaimNumberTaken):
            await submit(scopes[provider], form)
        if number % _TOLD_EVERY == 0:
            plan.tell(f"{number} of {plan.claims} claims")


async def _scope(ctx: Context, license_: str) -> Context:
    found = await ctx.call(FindOrganization(license_), OrganizationInfo)
    return ctx.acting_for(cast("UUID", found.organization_id))


def _form(chance: random.Random, number: int, people: tuple[DemoPerson, ...], day: date) -> tuple[str, ClaimForm]:
    provider, kind, sub_type, system, code, low, high, diagnosis = chance.choice(_KINDS)
    person = chance.choice(people)
    served = day - timedelta(days=chance.randrange(_RECENT_DAYS))
    form = ClaimForm(
        claim_number=f"DEMO-{number:05d}",
        claim_type=kind,
        sub_type=sub_type,
        payer_id=DEMO_PAYERS[person.payer],
        policy_number=person.policy_number,
        member_number=person.member_number,
        diagnoses=(DiagnosisForm(diagnosis, "principal"),),
        care_team=(CareTeamForm(license="N-P-00001", name="Dr. Amal Al-Dosari", role="primary"),),
        lines=(_line(chance, f"{_TERMS}/{system}", code, chance.randrange(low, high + 1), served),),
        **_patient(provider, person),
    )
    for share, change in _ODDITIES:
        if chance.random() < share:
            change(form, day)
    return provider, form


def _line(chance: random.Random, system: str, code: str, price: int, served: date) -> LineForm:
    unit, taxed = money(price), chance.random() < 0.5  # noqa: PLR2004 - citizens' care bears no tax, others' does
    quantity = Quantity(chance.choice((1, 1, 1, 2)))
    return LineForm(
        service_code=code,
        code_system=system,
        unit_price=unit,
        quantity=quantity,
        tax=money(unit * quantity * _VAT) if taxed else money(0),
        service_date=served.isoformat(),
    )


def _patient(provider: str, person: DemoPerson) -> dict[str, Any]:
    """Name the patient by the hospital's record number, or in full where they are not registered."""
    if provider == _HOSPITAL:
        return {"patient_id": person.record_number}
    identifier = IdentifierForm(check_saudi_id(person.identifier) or "mrn", person.identifier)
    form = PatientForm(
        name=person.name,
        birth_date=person.birth_date,
        gender="male" if person.gender == "male" else "female",
        phone=person.phone,
        identifiers=(identifier,),
    )
    return {"patient": form}


def _serve_before_any_policy(form: ClaimForm, day: date) -> None:
    for line in form.lines or ():
        line.service_date = (day - timedelta(days=_BEFORE_ANY_POLICY)).isoformat()


def _defer(form: ClaimForm, _: date) -> None:
    form.priority = "deferred"


def _name_nobody(form: ClaimForm, _: date) -> None:
    """Bill a payer for a visitor who showed no card: it finds no member."""
    form.patient_id, form.patient = None, PatientForm(name="Visitor without a card")
    form.policy_number = form.member_number = None


_ODDITIES: tuple[tuple[float, Callable[[ClaimForm, date], None]], ...] = (
    (0.06, _serve_before_any_policy),
    (0.04, _defer),
    (0.02, _name_nobody),
)
