"""What the benchmarks of deciding through the database share: a payer with members, a provider, and claims made up.

The payer sells the shipped CHI_STANDARD, class B, and has agreed thirty prices with the provider. A claim has one to
three lines, of three benefits; some of it is priced, the rest paid by percentage.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg

from authlinc.contract import OrganizationKind
from authlinc.service.directory import License, NewOrganization, create_organization
from benchmarks import stage
from claimlinc.contract import (
    CareTeamMember,
    ClaimSubmission,
    ClaimType,
    Coding,
    Cover,
    DecideSubmission,
    Diagnosis,
    Identifier,
    Line,
    Subject,
    Use,
)
from masterlinc import runtime
from masterlinc.context import Context, Services
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.identity import NATIONAL_ID, PAYER_LICENSE, PROVIDER_LICENSE, make_saudi_id
from masterlinc.ids import new_id
from masterlinc.money import Money, Quantity, money
from masterlinc.registry import assemble, discover
from masterlinc.security.principal import service_principal
from masterlinc.testing import DatabaseUrls, settings_for
from policylinc import persons
from policylinc import service as policies
from policylinc.contract import PersonIdentifier
from policylinc.drafts import ContractDraft, PolicyDraft, PriceDraft
from policylinc.packages import package_product

DAY = date(2026, 3, 1)
POLICY = "BENCH-B"
_SERVICES = "http://nphies.sa/terminology/CodeSystem/services"
_ICD = ("J06.9", "E11.9", "I10", "M54.5", "K02.1", "H52.1")
_KINDS = (ClaimType.PROFESSIONAL, ClaimType.PHARMACY, ClaimType.ORAL, ClaimType.PROFESSIONAL)
_CODES = [f"{83600 + number}-00-{10 + number % 80:02}" for number in range(60)]
_PRICED = 30  # of the codes


@dataclass(frozen=True)
class House:
    """The payer, the provider, and the members' numbers and identities."""

    payer: UUID
    payer_license: str
    provider: UUID
    provider_license: str
    members: Sequence[tuple[str, str]]


@asynccontextmanager
async def services_of(place: stage.Place) -> AsyncIterator[Services]:
    """Open the product over the database of a run, as a command does; processes that are started find it too."""
    settings = settings_for(DatabaseUrls(place.owner, place.app))
    os.environ |= {
        "MASTERLINC_PROFILE": "testing",
        "MASTERLINC_DATABASE__URL": place.app,
        "MASTERLINC_SECURITY__MASTER_KEY": settings.security.master_key.reveal(),
    }
    async with runtime.opened(settings, assemble(settings, *discover())) as services:
        yield services


async def build(place: stage.Place, services: Services, members: int) -> House:
    """Make the payer, the provider and the members."""
    payer, payer_license = await _organization(services, OrganizationKind.PAYER, PAYER_LICENSE)
    provider, provider_license = await _organization(services, OrganizationKind.PROVIDER, PROVIDER_LICENSE)
    ctx = Context("policylinc", services, service_principal("policylinc", frozenset({payer})), trace_id="bench")
    since = date(2020, 1, 1)
    await policies.create_product(ctx, payer, package_product("CHI_STANDARD", since))
    policy = PolicyDraft(
        policy_number=POLICY,
        product="CHI_STANDARD",
        policy_class="B",
        holder="A company",
        effective_date=date(2026, 1, 1),
        expiry_date=date(2026, 12, 31),
    )
    await policies.create_policy(ctx, payer, policy)
    contract = ContractDraft(
        code="NETWORK", percent_of_billed=Decimal(90), effective_from=since, provider=provider_license
    )
    await policies.create_contract(ctx, payer, contract)
    for number, code in enumerate(_CODES[:_PRICED]):
        amount = Decimal(80 + 7 * number)
        await policies.set_price(
            ctx,
            payer,
            PriceDraft("NETWORK", _SERVICES, code, amount, since)
            if False
            else PriceDraft(contract="NETWORK", system=_SERVICES, code=code, amount=amount, effective_from=since),
        )
    people = await _enrol(place, services, payer, members)
    return House(payer, payer_license, provider, provider_license, people)


def requests(house: House, numbers: range) -> Iterator[DecideSubmission]:
    """Make up claims."""
    for number in numbers:
        yield DecideSubmission(house.payer, house.provider, submission(house, number))


def submission(house: House, number: int) -> ClaimSubmission:
    """Make up a claim: the same number is the same claim."""
    member, identity = house.members[(number * 7919) % len(house.members)]
    day = DAY + timedelta(days=number % 60)
    lines = tuple(_line(number, sequence, day) for sequence in range(1, 2 + number % 3))
    return ClaimSubmission(
        claim_type=_KINDS[number % len(_KINDS)],
        sub_type="op",
        use=Use.CLAIM,
        identifier=Identifier("http://clinic.bench/claim", f"C-{number:09}"),
        created=day,
        provider_license=house.provider_license,
        payer_license=house.payer_license,
        subject=Subject("Sara Ali", date(1990, 1, 1), "female", (Identifier(NATIONAL_ID, identity),)),
        cover=Cover(member_id=member, policy_number=POLICY),
        lines=lines,
        total=money(sum(line.net for line in lines)),
        diagnoses=(Diagnosis(1, _ICD[number % len(_ICD)], "principal"),),
        care_team=(CareTeamMember(1, "Dr Ali", f"LIC-{number % 40:04}"),),
    )


def _line(number: int, sequence: int, day: date) -> Line:
    price = Money(f"{60 + (number * 31 + sequence * 17) % 400}.00")
    quantity = Quantity(1 + (number + sequence) % 2)
    tax = money(price * quantity * Decimal("0.15")) if number % 4 == 1 else Money("0.00")
    return Line(
        sequence=sequence,
        codes=(Coding(_SERVICES, _CODES[(number * 13 + sequence) % len(_CODES)]),),
        quantity=quantity,
        unit_price=price,
        net=money(price * quantity + tax),
        tax=tax,
        service_date=day,
        diagnosis_sequences=(1,),
        care_team_sequences=(1,),
    )


async def _organization(services: Services, kind: OrganizationKind, system: str) -> tuple[UUID, str]:
    number = f"B-{new_id().hex[-12:]}"
    ctx = Context("authlinc", services, service_principal("authlinc", frozenset()), trace_id="bench")
    made = await create_organization(ctx, NewOrganization(kind, "Bench", "القياس", (License(system, number),)))
    assert made.organization_id is not None
    return made.organization_id, number


async def _enrol(place: stage.Place, services: Services, payer: UUID, members: int) -> list[tuple[str, str]]:
    """Write members as the enrolment does, but in one go."""
    connection = await asyncpg.connect(place.owner)
    try:
        policy = await connection.fetchval("SELECT id FROM policylinc.policy WHERE policy_number = $1", POLICY)
        now, people, rows, known = datetime.now(UTC), [], [], []
        for number in range(members):
            key, identity = new_id(), make_saudi_id("national_id", number)
            people.append((f"M{number:07}", identity))
            rows.append(
                (
                    payer,
                    key,
                    policy,
                    key,
                    f"M{number:07}",
                    "Sara Ali",
                    date(1990, 1, 1),
                    "female",
                    date(2026, 1, 1),
                    date(2026, 12, 31),
                    False,
                    now,
                )
            )
            named = PersonIdentifier(NATIONAL_ID, identity)
            known.append(
                (payer, key, NATIONAL_ID, secrets.token_bytes(60), persons.blind(services.vault, payer, named), True)
            )
        await connection.copy_records_to_table(
            "member",
            schema_name="policylinc",
            columns=[
                "organization_id",
                "id",
                "policy_id",
                "person_id",
                "member_number",
                "name",
                "birth_date",
                "gender",
                "effective_from",
                "effective_to",
                "enrolled_by_simulator",
                "created_at",
            ],
            records=rows,
        )
        await connection.copy_records_to_table(
            "member_identifier",
            schema_name="policylinc",
            columns=["organization_id", "member_id", "system", "sealed", "blind", "valid"],
            records=known,
        )
    finally:
        await connection.close()
    return people


def payer_of(services: Services, house: House) -> Context:
    """Return what acts for the payer."""
    return Context("claimlinc", services, service_principal("claimlinc", frozenset({house.payer})), trace_id="bench")


async def analyze(place: stage.Place) -> None:
    """Let the database know what is in it, as it does by itself after a while: it plans otherwise for empty tables."""
    connection = await asyncpg.connect(place.owner)
    await connection.execute("ANALYZE", timeout=600)
    await connection.close()


async def migrated(where: stage.Stage) -> stage.Place:
    """Make a database with the tables of every agent."""
    place = await where.database(migrated=True)
    await migrate(place.owner, folders_of(discover()[0]))
    return place
