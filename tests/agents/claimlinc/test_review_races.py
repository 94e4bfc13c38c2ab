"""Who decides meets who decides too, cancels or corrects: one of them wins, and the ledger counts it once."""

import asyncio
from decimal import Decimal

import pytest
from claim_acts import answered, correction, shown
from claim_builders import line
from msgspec.structs import replace
from review_desk import approve, open_desk, reject

from claimlinc.chain_schemas import CancelForm, CancelReason
from claimlinc.contract import ClaimStatus
from claimlinc.errors import ClaimStateRefused
from claimlinc.review_schemas import AppealForm, RulingsForm
from claimlinc.service import appealing, cancelling, judging
from masterlinc import ids
from masterlinc.errors import PreconditionFailed
from masterlinc.money import Quantity

ROUNDS = 200
ONE = (approve(1, quantity=Quantity(1)),)


@pytest.fixture
def desk(quiet, running_quietly, make_principal):
    return open_desk(running_quietly, quiet, make_principal)


def faults(done):
    return [one for one in done if isinstance(one, BaseException)]


async def test_of_two_who_decide_one_wins_however_often(desk):
    used = Decimal(0)
    for _ in range(ROUNDS):
        case = await desk.pended(line("10", quantity="0"))
        tag = await desk.tag(case)
        done = await asyncio.gather(
            judging.decide_case(desk.reviewer, case.reference, RulingsForm(ONE), tag),
            judging.decide_case(desk.senior, case.reference, RulingsForm((reject(1),)), tag),
            return_exceptions=True,
        )
        assert [type(one) for one in faults(done)] == [PreconditionFailed]
        won = await desk.case(case)
        used += Decimal("8.50") if won.state is ClaimStatus.APPROVED else 0
        assert await desk.used() == used


async def test_a_claim_that_is_cancelled_while_it_is_decided_counts_nothing(desk, quiet):
    for _ in range(ROUNDS):
        made = desk.claim(line("10", quantity="0"))
        claim_id, decided = await answered(quiet, made)
        case = await desk.of(decided.decision_id)
        reference, tag = ids.show("CLM", claim_id), await desk.tag(case)
        done = await asyncio.gather(
            judging.decide_case(desk.reviewer, case.reference, RulingsForm(ONE), tag),
            cancelling.cancel(quiet.provider, reference, CancelForm(CancelReason.NOT_PERFORMED)),
            return_exceptions=True,
        )
        assert [type(one) for one in faults(done)] in ([], [PreconditionFailed]), done
        assert (await desk.case(case)).state is ClaimStatus.CANCELLED
        assert (await shown(quiet, claim_id)).status == "cancelled"
        async with desk.reviewer.transaction() as tx:
            assert await tx.fetchval("SELECT sum(amount) FROM policylinc.benefit_entry") in {None, Decimal(0)}


async def test_an_appeal_and_a_cancellation_at_once_leave_one_of_them(desk, quiet):
    for _ in range(ROUNDS):
        claim_id, decided = await answered(quiet, desk.claim(line("10")))
        reference = ids.show("CLM", claim_id)
        done = await asyncio.gather(
            appealing.appeal(quiet.provider, reference, AppealForm("Look again.")),
            cancelling.cancel(quiet.provider, reference, CancelForm(CancelReason.NOT_PERFORMED)),
            return_exceptions=True,
        )
        assert [type(one) for one in faults(done)] in ([], [ClaimStateRefused]), done
        case = await desk.of(decided.decision_id)
        assert (await shown(quiet, claim_id)).status == "cancelled"
        assert case is None or case.state is ClaimStatus.CANCELLED


async def test_a_pended_correction_ends_the_old_claim_once_a_person_has_decided_it(desk, quiet):
    """The old claim counts 170 until then; the correction 2 x 100 counts 170 in its place, never 340."""
    old = desk.claim(line("200"))
    old_id, first = await answered(quiet, old)
    nothing = replace(line("100"), quantity=Quantity(0))
    new_id, second = await answered(quiet, correction(quiet, old, nothing))
    assert await desk.used() == Decimal(170)
    case = await desk.of(second.decision_id)
    await desk.decide(case, approve(1, quantity=Quantity(2)))
    async with desk.reviewer.transaction() as tx:
        assert await tx.fetchval("SELECT sum(amount) FROM policylinc.benefit_entry") == Decimal(170)
        ends = await tx.fetch("SELECT decision_id, kind FROM claimlinc.decision_end")
    assert [tuple(row) for row in ends] == [(first.decision_id, "replaced")]
    async with asyncio.timeout(20):
        while (await shown(quiet, new_id)).status != "approved":
            await desk.idle()
    assert (await shown(quiet, old_id)).status == "replaced"


async def test_a_decided_claim_that_is_looked_at_is_closed_by_its_correction(desk, quiet):
    old = desk.claim(line("200"))
    old_id, first = await answered(quiet, old)
    await appealing.appeal(quiet.provider, ids.show("CLM", old_id), AppealForm("Look again."))
    case = await desk.of(first.decision_id)
    tag = await desk.tag(case)
    await desk.decided(claim=correction(quiet, old, line("100")))
    assert (await desk.case(case)).state is ClaimStatus.REPLACED
    with pytest.raises(PreconditionFailed):
        await judging.decide_case(desk.reviewer, case.reference, RulingsForm((reject(1),)), tag)
    with pytest.raises(ClaimStateRefused):
        await judging.decide_case(desk.reviewer, case.reference, RulingsForm((reject(1),)), "*")
