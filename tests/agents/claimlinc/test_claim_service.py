"""Recording, deciding and answering on a real database: once each, whole or not at all."""

import asyncio
from datetime import date
from decimal import Decimal

import asyncpg
import pytest
from claim_builders import DAY, NATIONAL_ID_OF_SARA, line, sar
from claim_deciding import claim, decide, record

from claimlinc.contract import (
    AnswerError,
    AnswerLine,
    Attachment,
    ClaimStatus,
    Cover,
    Identifier,
    LoadClaim,
    LoadedClaim,
    Outcome,
    RecordAnswer,
    RecordedAnswer,
    Subject,
    Use,
)
from claimlinc.errors import ClaimInvalid, ClaimNumberTaken, ClaimStateRefused
from claimlinc.service.deciding import load_decision
from claimlinc.service.reading import show_adjudication
from masterlinc import ids
from masterlinc.errors import NotFound
from masterlinc.money import Quantity


@pytest.fixture
def parties(quiet):
    """Parties whom nobody answers but the test: the simulated hub would refuse their claims beside it."""
    return quiet


async def test_a_claim_is_loaded_as_it_was_recorded(parties):
    made = claim(parties, attachments=(Attachment("x-ray", "image/png", "aGVsbG8="),), notes="ملاحظة")
    recorded = await record(parties, made)
    loaded = await parties.provider.call(LoadClaim(ids.parse("CLM", recorded.claim_id)), LoadedClaim)
    assert loaded.submission == made
    assert loaded.normalized_lines == made.lines
    assert loaded.payer_organization_id == parties.payer_id
    assert loaded.status is ClaimStatus.PENDING


async def test_only_its_organization_loads_a_claim(parties):
    recorded = await record(parties, claim(parties))
    with pytest.raises(NotFound):
        await parties.payer.call(LoadClaim(ids.parse("CLM", recorded.claim_id)), LoadedClaim)


async def test_a_message_that_comes_again_is_one_claim(parties):
    made = claim(parties)
    first, second = await record(parties, made), await record(parties, made)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert first.claim_id == second.claim_id
    with pytest.raises(ClaimNumberTaken):
        await record(parties, claim(parties, line("1"), number=made.identifier.value))


async def test_the_claim_its_workflow_its_event_and_its_audit_row_commit_together(parties, services):
    made = claim(parties)

    async def record_and_fail():
        async with parties.provider.transaction():
            await record(parties, made)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await record_and_fail()
    async with parties.provider.transaction() as tx:
        value = made.identifier.value
        assert await tx.fetchval("SELECT count(*) FROM claimlinc.claim WHERE identifier_value = $1", value) == 0
    recorded = await record(parties, made)
    key = str(ids.parse("CLM", recorded.claim_id))
    async with parties.provider.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM masterlinc.workflow WHERE business_key = $1", key) == 1
        assert await tx.fetchval("SELECT count(*) FROM masterlinc.event WHERE aggregate = $1::uuid", key) == 1


@pytest.mark.parametrize(
    ("broken", "paths"),
    [
        ({"lines": ()}, {"lines"}),
        ({"lines": (line(), line())}, {"lines[1].sequence"}),
        ({"lines": (line(codes=(), sequence=0),)}, {"lines[0].codes", "lines[0].sequence"}),
        ({"identifier": Identifier("s", " ")}, {"identifier.value"}),
    ],
)
async def test_what_cannot_be_recorded_is_refused_whole(parties, broken, paths):
    with pytest.raises(ClaimInvalid) as refused:
        await record(parties, claim(parties, **broken))
    assert {error.path for error in refused.value.errors} == paths


async def test_the_application_changes_nothing_that_was_submitted(parties):
    recorded = await record(parties, claim(parties))
    claim_id = ids.parse("CLM", recorded.claim_id)
    for statement in (
        "UPDATE claimlinc.claim SET total = 1 WHERE id = $1",
        "DELETE FROM claimlinc.claim WHERE id = $1",
        "UPDATE claimlinc.claim_line SET net = 1 WHERE claim_id = $1",
        "DELETE FROM claimlinc.answer WHERE claim_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with parties.provider.transaction() as tx:
                await tx.execute(statement, claim_id)


async def test_nothing_of_the_subject_is_stored_in_the_clear(parties):
    recorded = await record(parties, claim(parties))
    async with parties.provider.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM claimlinc.claim WHERE id = $1", ids.parse("CLM", recorded.claim_id))
    assert NATIONAL_ID_OF_SARA not in str(dict(row))
    assert b"Sara" not in row["submission"]


async def test_the_payers_decision_is_kept_with_its_reasons_and_posted(parties):
    """The dental figures: billed 200 + 30, co-pay 15 %: payer 170 + 25.50; 170 counts against the limit of 2000."""
    decided = await decide(parties, claim(parties))
    (one,) = decided.decision.lines
    assert (str(one.payer_share), str(one.patient_share), one.benefit) == ("195.50", "34.50", "dental")
    async with parties.payer.transaction() as tx:
        assert await load_decision(tx, decided.decision_id) == decided
        used = await tx.fetchval(
            "SELECT used FROM policylinc.balance WHERE member_id = $1 AND benefit = 'dental'", parties.member_id
        )
    assert used == Decimal("170.00")


async def test_a_submission_is_decided_once(parties):
    made = claim(parties)
    first, *others = await asyncio.gather(*(decide(parties, made) for _ in range(5)))
    assert all(other == first for other in others)
    async with parties.payer.transaction() as tx:
        used = await tx.fetchval("SELECT sum(used) FROM policylinc.balance WHERE member_id = $1", parties.member_id)
    assert used == Decimal("170.00")


async def test_two_claims_race_for_the_last_riyal_and_one_fits(parties):
    """2000 a year: claims of 1500 each take 1275 and then what is left, 725."""
    decided = await asyncio.gather(*(decide(parties, claim(parties, line("1500"))) for _ in range(2)))
    shares = sorted(str(one.decision.totals.payer_share) for one in decided)
    assert shares == ["1275.00", "725.00"]
    outcomes = {one.decision.outcome for one in decided}
    assert outcomes == {Outcome.APPROVED, Outcome.PARTIAL}


async def test_a_person_whom_the_payer_does_not_know(parties):
    stranger = claim(parties, cover=Cover(member_id="nobody"), subject=Subject(name="X"))
    decided = await decide(parties, stranger)
    assert decided.decision.outcome is Outcome.REJECTED
    assert decided.decision.lines[0].denial_code == "CV-2-1"


async def test_a_preauthorization_gets_a_number_and_uses_nothing_up(parties):
    decided = await decide(parties, claim(parties, use=Use.PREAUTHORIZATION))
    assert decided.decision.preauth_ref is not None
    async with parties.payer.transaction() as tx:
        assert not await tx.fetchval("SELECT sum(used) FROM policylinc.balance WHERE member_id = $1", parties.member_id)


async def test_the_provider_reads_the_decision_but_not_what_it_stands_on(parties, running_quietly, make_principal):
    decided = await decide(parties, claim(parties))
    async with parties.provider.transaction() as tx:
        assert await load_decision(tx, decided.decision_id) == decided
        assert await tx.fetchval("SELECT count(*) FROM claimlinc.decision_basis") == 0
    stranger = running_quietly.context("claimlinc", make_principal("billing"))
    async with stranger.transaction() as tx:
        assert await load_decision(tx, decided.decision_id) is None


def answer(claim_id, status, *lines, **more):
    return RecordAnswer(claim_id=claim_id, status=status, lines=lines, **more)


ANSWERED = AnswerLine(
    sequence=1,
    outcome=Outcome.REJECTED,
    billed=sar(230),
    allowed=sar(0),
    deductible=sar(0),
    copay=sar(0),
    tax=sar(0),
    payer_tax=sar(0),
    payer_share=sar(0),
    patient_share=sar(0),
    approved_quantity=Quantity(0),
    denial_code="BE-1-4",
)


async def test_an_answer_moves_the_claim_and_is_published(parties, services):
    recorded = await record(parties, claim(parties))
    claim_id = ids.parse("CLM", recorded.claim_id)
    pended = await parties.provider.call(answer(claim_id, ClaimStatus.PENDED), RecordedAnswer)
    final = await parties.provider.call(answer(claim_id, ClaimStatus.REJECTED, ANSWERED), RecordedAnswer)
    assert (pended.number, final.number) == (1, 2)
    shown = await show_adjudication(parties.provider, recorded.claim_id)
    assert (shown.status, shown.outcome) == ("rejected", "rejected")
    assert "BE-1-4" in shown.lines[0].reason
    assert "BE-1-4" in shown.lines[0].reason_ar
    async with parties.provider.transaction() as tx:
        names = await tx.fetch(
            "SELECT name FROM masterlinc.event WHERE aggregate = $1 ORDER BY aggregate_seq", claim_id
        )
    assert [row["name"] for row in names] == [
        "claimlinc.claim_submitted.v1",
        "claimlinc.claim_decided.v1",
        "claimlinc.claim_decided.v1",
    ]


async def test_what_was_decided_is_not_pended_again(parties):
    recorded = await record(parties, claim(parties))
    claim_id = ids.parse("CLM", recorded.claim_id)
    await parties.provider.call(answer(claim_id, ClaimStatus.REJECTED, ANSWERED), RecordedAnswer)
    with pytest.raises(ClaimStateRefused):
        await parties.provider.call(answer(claim_id, ClaimStatus.PENDED), RecordedAnswer)


async def test_a_refused_message_shows_its_faults(parties):
    recorded = await record(parties, claim(parties))
    error = AnswerError("BV-00059", "The total differs", "المجموع مختلف", "Bundle.entry[1].resource.total")
    request = answer(ids.parse("CLM", recorded.claim_id), ClaimStatus.ERROR, errors=(error,))
    await parties.provider.call(request, RecordedAnswer)
    shown = await show_adjudication(parties.provider, recorded.claim_id)
    assert shown.outcome is None
    assert [one.code for one in shown.errors] == ["BV-00059"]


async def test_nobody_answers_for_anothers_claim(parties):
    recorded = await record(parties, claim(parties))
    request = answer(ids.parse("CLM", recorded.claim_id), ClaimStatus.APPROVED)
    with pytest.raises(NotFound):
        await parties.payer.call(request, RecordedAnswer)


async def test_the_adjudication_explains_both_sides(parties):
    made = claim(parties, line("200", "30"), line("50", sequence=2, service_date=date(2025, 12, 31)))
    recorded = await record(parties, made)
    decided = await decide(parties, made)
    request = answer(ids.parse("CLM", recorded.claim_id), ClaimStatus.PARTIAL, payer_decision_id=decided.decision_id)
    await parties.provider.call(request, RecordedAnswer)
    for side in (parties.provider, parties.payer):
        shown = await show_adjudication(side, recorded.claim_id)
        assert shown.outcome == "partial"
        assert [one.denial_code for one in shown.lines] == [None, "AD-2-3"]
        assert str(shown.totals.payer_share) == "195.50"
        for one in shown.lines:
            assert one.payer_share + one.patient_share == one.allowed + one.tax
            assert one.trace
            assert one.reason_ar
    assert DAY.isoformat() in shown.lines[0].trace[0].inputs["service_date"]


async def test_a_claim_of_three_hundred_lines(parties):
    """300 x 1.00 at 15 %: each co-pay is 0.15, the payer's parts sum to 255.00."""
    lines = tuple(line("1", sequence=number) for number in range(1, 301))
    made = claim(parties, *lines)
    recorded = await record(parties, made)
    loaded = await parties.provider.call(LoadClaim(ids.parse("CLM", recorded.claim_id)), LoadedClaim)
    assert loaded.submission == made
    decided = await decide(parties, made)
    assert str(decided.decision.totals.payer_share) == "255.00"
