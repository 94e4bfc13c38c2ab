"""Cancelling: the claim, the payer's decision and the ledger change together, once, whatever races."""

import asyncio
from decimal import Decimal

import pytest
from claim_acts import answered, cancelled, correction, dental, shown
from claim_builders import line
from claim_deciding import claim, decide, record
from claim_parties import make_parties
from msgspec.structs import replace

from claimlinc.chain_schemas import CancelForm
from claimlinc.contract import CancelDecision, CancelReason, ClaimStatus, EndedDecision, Outcome
from claimlinc.errors import ClaimNotCancellable, ClaimNotCorrectable, ClaimStateRefused
from claimlinc.service import cases
from claimlinc.service.cancelling import cancel
from masterlinc import ids
from masterlinc.errors import NotFound
from masterlinc.money import Quantity
from masterlinc.testing import bearer, client_of

ROUNDS = 200
WRONG = CancelForm(CancelReason.WRONG_INFORMATION)


async def test_a_cancelled_claim_gives_back_what_it_used(quiet):
    claim_id, _ = await answered(quiet, claim(quiet))
    kept, _ = await answered(quiet, claim(quiet, line("100")))
    assert await dental(quiet) == Decimal(255)
    assert (await cancelled(quiet, claim_id)).status == "cancelled"
    assert await dental(quiet) == Decimal(85)
    assert [(await shown(quiet, one)).status for one in (claim_id, kept)] == ["cancelled", "approved"]


async def test_a_claim_is_cancelled_once(quiet):
    claim_id, decided = await answered(quiet, claim(quiet))
    await cancelled(quiet, claim_id)
    with pytest.raises(ClaimStateRefused):
        await cancelled(quiet, claim_id)
    again = CancelDecision(quiet.payer_id, quiet.provider_id, decided.decision_id, CancelReason.NOT_PERFORMED)
    with pytest.raises(ClaimNotCancellable):
        await quiet.provider.call(again, EndedDecision)
    assert await dental(quiet) == Decimal(0)


async def test_of_many_cancellations_at_once_one_counts(quiet):
    for _ in range(ROUNDS):
        claim_id, _ = await answered(quiet, claim(quiet, line("10")))
        made = await asyncio.gather(*(cancelled(quiet, claim_id) for _ in range(5)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in made) == [*["ClaimCancelledView"], *["ClaimStateRefused"] * 4], made
        assert await dental(quiet) == Decimal(0)


async def test_a_cancellation_and_a_correction_at_once_count_one_of_them(quiet):
    """Whichever comes first, the old claim counts nothing and the correction counts once."""
    for _ in range(ROUNDS):
        old = claim(quiet, line("10"))
        old_id, _ = await answered(quiet, old)
        new = correction(quiet, old, line("20"))
        await record(quiet, new)
        _, decided = await asyncio.gather(cancelled(quiet, old_id), decide(quiet, new), return_exceptions=True)
        assert await dental(quiet) == Decimal("17.00"), decided
        used = CancelDecision(quiet.payer_id, quiet.provider_id, decided.decision_id, CancelReason.NOT_PERFORMED)
        await quiet.provider.call(used, EndedDecision)
        assert await dental(quiet) == Decimal(0)


async def test_what_is_not_answered_is_not_cancelled(quiet):
    claim_id = ids.parse("CLM", (await record(quiet, claim(quiet))).claim_id)
    with pytest.raises(ClaimStateRefused):
        await cancelled(quiet, claim_id)


async def test_a_cancelled_claim_is_not_corrected_and_a_correction_of_it_counts_by_itself(quiet):
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    waiting = correction(quiet, old, line("100"))
    await record(quiet, waiting)
    await cancelled(quiet, old_id)
    assert (await decide(quiet, waiting)).decision.outcome is Outcome.APPROVED
    assert await dental(quiet) == Decimal(85)
    other, _ = await answered(quiet, claim(quiet, number="only-once"))
    await cancelled(quiet, other)
    with pytest.raises(ClaimNotCorrectable):
        await record(quiet, correction(quiet, claim(quiet, number="only-once")))


async def test_a_cancelled_correction_brings_the_old_claim_not_back(quiet):
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    new_id, _ = await answered(quiet, correction(quiet, old, line("100")))
    await cancelled(quiet, new_id)
    assert await dental(quiet) == Decimal(0)
    assert [(await shown(quiet, one)).status for one in (old_id, new_id)] == ["replaced", "cancelled"]


async def test_the_case_that_people_have_on_a_claim_ends_with_it(quiet):
    """A quantity of 0 waits for a person; its provider takes the claim back, and nobody has to look any more."""
    claim_id, decided = await answered(quiet, claim(quiet, replace(line("100"), quantity=Quantity(0))))
    await cancelled(quiet, claim_id)
    async with quiet.payer.transaction() as tx:
        case = await cases.of_decision(tx, quiet.payer_id, decided.decision_id)
    assert (case.state, (await shown(quiet, claim_id)).status) == (ClaimStatus.CANCELLED, "cancelled")


async def test_nobody_cancels_for_another(quiet, running_quietly, make_principal):
    claim_id, decided = await answered(quiet, claim(quiet))
    other = await make_parties(running_quietly, make_principal)
    with pytest.raises(NotFound):
        await cancelled(other, claim_id)
    with pytest.raises(NotFound):
        await cancel(quiet.payer, ids.show("CLM", claim_id), WRONG)
    theirs = CancelDecision(quiet.payer_id, other.provider_id, decided.decision_id, CancelReason.NOT_PERFORMED)
    with pytest.raises(NotFound):
        await other.provider.call(theirs, EndedDecision)
    assert await dental(quiet) == Decimal(170)


async def test_over_http(quiet, running_quietly):
    """Correct, once a key; cancel, once a key; the words of a refusal are in both languages."""
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    path = f"/api/v1/claims/{ids.show('CLM', old_id)}"
    form = {
        "claim_type": "oral",
        "claim_number": "corrected-1",
        "payer_id": quiet.payer_license,
        "member_number": quiet.member_number,
        "patient": {"name": "Sara Ali"},
        "lines": [{"service_code": "012", "unit_price": 100, "service_date": "2026-03-10"}],
    }
    headers = bearer(running_quietly, quiet.provider.principal)
    async with client_of(running_quietly) as client:
        keyed = headers | {"Idempotency-Key": "k1"}
        first = await client.post(f"{path}/correct", json=form, headers=keyed)
        assert first.status_code == 201, first.text
        again = await client.post(f"{path}/correct", json=form, headers=keyed)
        assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
        assert (await client.post(f"{path}/correct", json=form, headers=headers)).status_code == 200
        other = await client.post(f"{path}/correct", json=form | {"claim_number": "corrected-2"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (409, "claim-corrected")
        assert other.json()["claim_id"] == first.json()["claim_id"]
        assert other.json()["detail_ar"]
        seen = (await client.get(path, headers=headers)).json()
        assert seen["corrected_by"] == first.json()["claim_id"]
        keyed = headers | {"Idempotency-Key": "k2"}
        gone = await client.post(f"{path}/cancel", json={"reason": "WI"}, headers=keyed)
        assert (gone.status_code, gone.json()["status"]) == (200, "cancelled"), gone.text
        again = await client.post(f"{path}/cancel", json={"reason": "WI"}, headers=keyed)
        assert again.json() == gone.json()
        refused = await client.post(f"{path}/cancel", json={"reason": "WI"}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "claim-state")
        wrong = await client.post(f"{path}/cancel", json={"reason": "because"}, headers=headers)
        assert wrong.status_code in {400, 422}
