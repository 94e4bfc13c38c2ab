"""What researchers see: groups of persons, each claim in one at most, published once, and nothing of anybody (51)."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from authlinc.contract import OrganizationKind
from authlinc.service.directory import NewOrganization, create_organization
from claimlinc.agent import agent
from claimlinc.research_terms import BANDS, CHAPTERS, CLAIM_TYPES, GENDERS, SERVICE_GROUPS, band_of
from claimlinc.service.researching import publish
from masterlinc.agent import StepInput
from masterlinc.ids import new_id, show
from masterlinc.security.principal import service_principal
from masterlinc.testing import bearer, client_of

TERMS = "http://nphies.sa/terminology/CodeSystem"
NAME, NUMBER = "Sara Mohammed Alharbi", "1000047111"


@dataclass
class Book:
    """Claims as any number of providers might have sent them, written as the owner of the tables."""

    owner: asyncpg.Connection
    provider: UUID = field(default_factory=new_id)

    async def claim(self, person: UUID | None, at: datetime, **more) -> UUID:
        """A claim of a person, with its diagnosis, line, cover and answer."""
        key, total = new_id(), Decimal(more.get("total", 100))
        await self.owner.execute(
            "INSERT INTO claimlinc.claim (organization_id, id, claim_type, use, identifier_system, identifier_value,"
            " content, status, status_at, version, total, submitted_at, service_start, service_end, submission,"
            " patient_id, age_band, gender) VALUES ($1, $2, $3, $4, '', $5, $6, 'approved', $7, 1, $8, $7, $9, $9,"
            " $10, $11, $12, $13)",
            self.provider,
            key,
            more.get("claim_type", "professional"),
            more.get("use", "claim"),
            NUMBER + str(key),
            key.bytes,
            at,
            total,
            at.date(),
            NAME.encode(),
            person,
            more.get("age_band", 30),
            more.get("gender", "female"),
        )
        await self.owner.execute(
            "INSERT INTO claimlinc.claim_diagnosis VALUES ($1, $2, 1, 'icd', $3, 'principal')",
            self.provider,
            key,
            more.get("diagnosis", "J06.9"),
        )
        await self.owner.execute(
            "INSERT INTO claimlinc.claim_line VALUES ($1, $2, 1, $3, '83600-00-10', 1, $4, 1, 0, $4, NULL)",
            self.provider,
            key,
            f"{TERMS}/{more.get('system', 'services')}",
            total,
        )
        await self.owner.execute(
            "INSERT INTO claimlinc.answer VALUES ($1, $2, 1, 'approved', NULL, NULL, NULL, NULL, '[]', $3)",
            self.provider,
            key,
            at,
        )
        await self.owner.execute(
            "INSERT INTO claimlinc.answer_line VALUES ($1, $2, 1, 1, 'approved', $3, $3, 0, 0, 0, 0, $3, 0, 1, NULL)",
            self.provider,
            key,
            total,
        )
        return key

    async def group(self, count: int, at: datetime, **more) -> None:
        """A claim each of so many persons."""
        for _ in range(count):
            await self.claim(new_id(), at, **more)


@pytest_asyncio.fixture(loop_scope="session")
async def research(run_app, new_database):
    """A system of its own, with no claims yet."""
    urls = await new_database()
    running = await run_app(urls)
    owner = await asyncpg.connect(urls.owner)
    yield running, Book(owner)
    await owner.close()


@pytest.fixture
def month():
    """A month that has ended long enough ago, at its tenth."""
    first = datetime.now(UTC).replace(day=1, hour=9) - timedelta(days=70)
    return first.replace(day=10)


async def published(running):
    """Publish what is due, and read all of it."""
    ctx = running.context("claimlinc", service_principal("claimlinc", frozenset()))
    await publish(ctx, StepInput("research", new_id()))
    async with running.services.db.transaction() as tx:
        return await tx.fetch("SELECT * FROM claimlinc.research_group ORDER BY month, number")


async def operator(running, make_principal, *roles):
    ctx = running.context("authlinc", service_principal("tests", frozenset()))
    made = await create_organization(ctx, NewOrganization(OrganizationKind.OPERATOR, "Operator", "المشغل", ()))
    return make_principal(*roles, organization=made.organization_id)


async def test_a_group_of_eleven_persons_is_shown_and_one_of_ten_is_not(research, month):
    running, book = research
    await book.group(11, month)
    await book.group(10, month, claim_type="oral", system="oral-health-op", diagnosis="K02.1")
    (row,) = await published(running)
    assert (row["claim_type"], row["diagnosis_chapter"], row["service_group"]) == ("professional", "X", "services")
    assert (row["detail"], row["claims"], row["billed"], row["payer_share"]) == ("person", 10, 1100, 1100)


async def test_many_claims_of_few_persons_are_no_group(research, month):
    running, book = research
    people = [new_id() for _ in range(10)]
    for turn in range(50):
        await book.claim(people[turn % 10], month)
    for _ in range(20):
        await book.claim(None, month)  # of whom nothing is known: nobody counts for a person
    assert await published(running) == []


async def test_what_is_too_small_is_grouped_more_coarsely_and_each_claim_once(research, month):
    running, book = research
    await book.group(12, month)
    for gender, count in (("male", 6), ("unknown", 6)):  # too small apart, large enough together
        await book.group(count, month, gender=gender)
    for letter in "ABDE":  # four chapters of four persons: only the type is left of them
        await book.group(4, month, diagnosis=f"{letter}10.1")
    rows = await published(running)
    assert [(row["detail"], row["gender"], row["diagnosis_chapter"]) for row in rows] == [
        ("person", "female", "X"),
        ("service", None, "X"),
        ("type", None, None),
    ]
    assert [row["claims"] for row in rows] == [10, 10, 15]
    assert sum(row["billed"] for row in rows) == 1200 + 1200 + 1600  # 40 claims of 100: none is in two groups


async def test_a_sum_that_one_person_has_most_of_is_left_out(research, month):
    running, book = research
    await book.group(11, month)
    await book.claim(new_id(), month, total=2000)
    (row,) = await published(running)
    assert (row["claims"], row["billed"], row["payer_share"]) == (10, None, None)


async def test_a_month_is_published_once_and_not_before_it_could_be_answered(research, month):
    running, book = research
    await book.group(11, month)
    await book.group(30, datetime.now(UTC))
    await book.group(30, datetime.now(UTC).replace(day=1) - timedelta(days=3))
    before = await published(running)
    assert len(before) == 1
    await book.claim(new_id(), month)  # one more: the difference would tell of it
    assert await published(running) == before
    async with running.services.db.transaction() as tx:
        assert await tx.fetchval("SELECT claimlinc.publish_research($1, 1)", month.date()) == 0


async def test_the_process_cannot_ask_for_smaller_groups_nor_write_its_own(research, month):
    running, book = research
    await book.group(10, month)
    async with running.services.db.transaction() as tx:
        assert await tx.fetchval("SELECT claimlinc.publish_research($1, 1)", month.date()) == 0
        assert await tx.fetchval("SELECT smallest_group FROM claimlinc.research_month") == 11
    for statement in (
        "UPDATE claimlinc.research_group SET claims = 10",
        "DELETE FROM claimlinc.research_month",
        "INSERT INTO claimlinc.research_month VALUES ('2020-01-01', 11)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with running.services.db.transaction() as tx:
                await tx.execute(statement)


async def test_a_code_of_the_provider_s_own_counts_as_what_it_was_normalised_to(research, month):
    running, book = research
    for _ in range(11):
        claim = await book.claim(new_id(), month, system="of-this-house")
        for number, system, source in ((1, "imaging", "rule_based"), (2, "laboratory", "manual"), (3, "x", "none")):
            await book.owner.execute(
                "INSERT INTO claimlinc.normalized_line VALUES ($1, $2, $3, 1, $4, '1', NULL, NULL, $5, 1, $6)",
                book.provider,
                claim,
                number,
                f"{TERMS}/{system}",
                source,
                month,
            )
    (row,) = await published(running)
    assert row["service_group"] == "laboratory"


async def test_authorizations_are_no_claims_and_other_months_are_others(research, month):
    running, book = research
    await book.group(11, month, use="preauthorization")
    await book.group(6, month)
    await book.group(6, month - timedelta(days=31))
    assert await published(running) == []


async def test_a_researcher_of_the_operator_reads_groups_in_both_languages(research, month, make_principal):
    running, book = research
    await book.group(11, month, age_band=90)
    await book.group(11, month, claim_type="oral", system="oral-health-op", diagnosis="K02.1", gender="male")
    await published(running)
    who = await operator(running, make_principal, "researcher")
    async with client_of(running) as client:
        answer = await client.get("/api/v1/research/claims", headers=bearer(running, who))
        one = await client.get("/api/v1/research/claims?claim_type=oral&page_size=1", headers=bearer(running, who))
        none = await client.get("/api/v1/research/claims?last_month=2020-01", headers=bearer(running, who))
    assert (answer.status_code, answer.json()["total"]) == (200, 2)
    assert one.json()["groups"] == [answer.json()["groups"][0]]
    assert none.json()["groups"] == []
    assert answer.json()["groups"][1] == {
        "month": f"{month:%Y-%m}",
        "detail": "person",
        "claim_type": {"code": "professional", "title": "Professional", "title_ar": "عيادات"},
        "diagnosis_chapter": {
            "code": "X",
            "title": "Diseases of the respiratory system",
            "title_ar": "أمراض الجهاز التنفسي",
        },
        "service_group": {
            "code": "services",
            "title": "Services and consultations",
            "title_ar": "الخدمات والاستشارات",
        },
        "policy_class": None,
        "age_band": "90+",
        "gender": {"code": "female", "title": "Female", "title_ar": "أنثى"},
        "claims": 10,
        "billed": 1100.00,
        "payer_share": 1100.00,
    }
    for told in (NAME, NUMBER, show("ORG", book.provider), str(book.provider), "J06"):
        assert told not in answer.text
    async with running.services.db.transaction(who.organizations) as tx:
        audits = await tx.fetch("SELECT detail FROM masterlinc.audit_event WHERE action = 'research.read'")
    assert len(audits) == 3


async def test_a_researcher_of_a_provider_reads_nothing(research, make_principal):
    running, _ = research
    ctx = running.context("authlinc", service_principal("tests", frozenset()))
    for kind in (OrganizationKind.PROVIDER, OrganizationKind.PAYER):
        made = await create_organization(ctx, NewOrganization(kind, "A house", "منشأة", ()))
        who = make_principal("researcher", organization=made.organization_id)
        async with client_of(running) as client:
            answer = await client.get("/api/v1/research/claims", headers=bearer(running, who))
        assert (answer.status_code, answer.json()["code"]) == (403, "research-is-the-operators")


@pytest.mark.parametrize(
    "query",
    ["claim_type=dental", "first_month=2026-13", "first_month=2026-3", "last_month=2026-01-31", "last_month=٢٠٢٦-٠١"],
)
async def test_a_filter_is_one_of_the_fixed_ones(research, make_principal, query):
    running, _ = research
    who = await operator(running, make_principal, "researcher")
    async with client_of(running) as client:
        answer = await client.get(f"/api/v1/research/claims?{query}", headers=bearer(running, who))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, query.partition("=")[0])


async def test_a_claim_that_is_submitted_keeps_the_band_and_not_the_birthday(running, client, parties):
    form = {
        "patient": {"name": "Huda Ali", "birth_date": "1931-05-01", "gender": "female"},
        "service_code": "83600-00-10",
        "amount": 200,
        "service_date": "2026-03-10",
    }
    answer = await client.post("/api/v1/claims/submit", json=form, headers=bearer(running, parties.provider.principal))
    assert answer.status_code == 201, answer.text
    async with parties.provider.transaction() as tx:
        rows = await tx.fetch("SELECT age_band, gender FROM claimlinc.claim ORDER BY id DESC LIMIT 1")
    assert tuple(rows[0]) == (90, "female")


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_band_holds_the_age(birth_date, day):
    band = band_of(birth_date, day)
    if birth_date > day:
        assert band is None
        return
    years = sum(date(year, 3, 1) <= day for year in range(birth_date.year + 1, day.year + 1))  # within a year of it
    following = [first for first in BANDS if first > band]
    assert band - 1 <= years <= (following[0] if following else 201)


async def test_every_chapter_and_group_has_its_words(research):
    _, book = research
    codes = [f"{letter}{number:02d}.0" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for number in range(100)]
    rows = await book.owner.fetch("SELECT claimlinc.icd_chapter(c) AS chapter FROM unnest($1::text[]) AS c", codes)
    counted = Counter(row["chapter"] for row in rows)
    assert set(counted) == set(CHAPTERS)
    samples = {
        "D48.9": "II",
        "D50.0": "III",
        "H59.9": "VII",
        "H60.0": "VIII",
        "T98": None,
        "T98.3": "XIX",
        "z34.0": "XXI",
    }
    for code, chapter in samples.items():
        found = await book.owner.fetchval("SELECT claimlinc.icd_chapter($1)", code)
        assert found == (chapter or "XIX"), code
    for other in ("", "J", "123", "83600-00-10", "ج06"):
        assert await book.owner.fetchval("SELECT claimlinc.icd_chapter($1)", other) is None
    for terms in (CHAPTERS, CLAIM_TYPES, GENDERS, SERVICE_GROUPS):
        assert all(term.title and term.title_ar for term in terms.values())


def test_it_is_published_by_a_schedule():
    assert [(one.name, one.workflow) for one in agent.schedules] == [("research", "research")]
