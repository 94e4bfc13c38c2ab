"""Corrections: a new claim stands in the place of an old one, and no moment counts both or neither."""

import asyncio
from decimal import Decimal

import asyncpg
import pytest
from claim_acts import answered, correction, dental, shown, tell
from claim_builders import line
from claim_deciding import claim, decide, record
from claim_parties import make_parties
from msgspec.structs import replace
from review_desk import approve, open_desk

from claimlinc.contract import (
    ClaimStatus,
    ClaimType,
    DecidedSubmission,
    DecideSubmission,
    Identifier,
    Outcome,
    RecordAnswer,
    RecordedAnswer,
    RelatedClaim,
    Use,
)
from claimlinc.errors import ClaimCorrected, ClaimInvalid, ClaimNotCorrectable
from claimlinc.service.deciding import load_decision
from claimlinc.service.intake import number_system
from masterlinc import ids
from masterlinc.money import Quantity

ROUNDS = 200


async def test_a_decided_correction_counts_in_the_place_of_the_old_claim(quiet):
    """200 at 15 %: 170. Corrected to 100: 85, and the 170 are given back."""
    old = claim(quiet)
    old_id, first = await answered(quiet, old)
    assert await dental(quiet) == Decimal(170)
    new = correction(quiet, old, line("100"))
    new_id, _ = await answered(quiet, new)
    assert await dental(quiet) == Decimal(85)
    before, after = await shown(quiet, old_id), await shown(quiet, new_id)
    assert (before.status, before.corrected_by) == ("replaced", ids.show("CLM", new_id))
    assert (after.status, after.corrects) == ("approved", [ids.show("CLM", old_id)])
    async with quiet.payer.transaction() as tx:
        assert await load_decision(tx, first.decision_id) == first, "what was decided stays as it was decided"


async def test_the_old_claim_stands_until_the_correction_is_decided(quiet):
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    new = correction(quiet, old, line("100"))
    new_id = ids.parse("CLM", (await record(quiet, new)).claim_id)
    assert await dental(quiet) == Decimal(170)
    waiting = await shown(quiet, old_id)
    assert (waiting.status, waiting.corrected_by) == ("approved", ids.show("CLM", new_id))


async def test_a_correction_may_use_what_the_old_claim_used(quiet):
    """2,000 a year: 1,700 are used by the old claim; a correction of the same size fits, beside it it would not."""
    old = claim(quiet, line("2000"))
    _, first = await answered(quiet, old)
    assert first.decision.totals.payer_share == Decimal(1700)
    _, second = await answered(quiet, correction(quiet, old, line("2100")))
    assert (second.decision.outcome, second.decision.totals.payer_share) == (Outcome.APPROVED, Decimal(1785))
    assert await dental(quiet) == Decimal(1785)


async def test_a_rejected_correction_replaces_too(quiet):
    """Eyes are not covered: the correction is decided, and the old claim is gone with all that it used."""
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    _, second = await answered(quiet, correction(quiet, old, claim_type=ClaimType.VISION))
    assert second.decision.outcome is Outcome.REJECTED
    assert await dental(quiet) == Decimal(0)
    assert (await shown(quiet, old_id)).status == "replaced"


async def test_a_pended_correction_ends_nothing_yet(quiet):
    """A quantity of 0 waits for a person: the old claim stands and counts, whatever was tried on the way."""
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    nothing = replace(line("100"), quantity=Quantity(0))
    _, second = await answered(quiet, correction(quiet, old, nothing))
    assert second.decision.outcome is Outcome.PENDED
    assert await dental(quiet) == Decimal(170)
    assert (await shown(quiet, old_id)).status == "approved"


async def test_a_correction_that_a_person_decides_replaces_then(quiet, running_quietly, make_principal):
    """2 units of 50 at 15 %: 85.00, once a person has said what the quantity is; the 170 of the old claim come back."""
    desk = open_desk(running_quietly, quiet, make_principal)
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    waiting = correction(quiet, old, replace(line("50"), quantity=Quantity(0)))
    new_id = ids.parse("CLM", (await record(quiet, waiting)).claim_id)
    case = await desk.of((await decide(quiet, waiting)).decision_id)
    assert await dental(quiet) == Decimal(170)
    await desk.decide(case, approve(1, quantity=Quantity(2)))
    assert await dental(quiet) == Decimal(85)
    await running_quietly.dispatcher.idle()
    assert [(await shown(quiet, one)).status for one in (old_id, new_id)] == ["replaced", "approved"]


async def test_a_chain_of_corrections_counts_its_last_one(quiet):
    chain = [claim(quiet)]
    numbers = [(await answered(quiet, chain[0]))[0]]
    for price in ("300", "400", "50"):
        chain.append(correction(quiet, chain[-1], line(price)))
        numbers.append((await answered(quiet, chain[-1]))[0])
    assert await dental(quiet) == Decimal("42.50")
    states = [(await shown(quiet, one)).status for one in numbers]
    assert states == ["replaced", "replaced", "replaced", "approved"]
    with pytest.raises(ClaimCorrected):
        await record(quiet, correction(quiet, chain[1], line("70")))


async def test_what_is_not_decided_is_not_corrected(quiet):
    old = claim(quiet)
    await record(quiet, old)
    with pytest.raises(ClaimNotCorrectable) as refused:
        await record(quiet, correction(quiet, old))
    assert "pending" in refused.value.detail
    assert "pending" in refused.value.detail_ar


async def test_the_payer_does_not_replace_what_it_has_not_decided(quiet):
    """A correction that comes past this system, as a message of another one."""
    old = claim(quiet, replace(line("100"), quantity=Quantity(0)))
    await decide(quiet, old)
    with pytest.raises(ClaimNotCorrectable):
        await decide(quiet, correction(quiet, old))


async def test_a_correction_that_was_refused_leaves_the_place_to_another(quiet):
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    refused = ids.parse("CLM", (await record(quiet, correction(quiet, old))).claim_id)
    await quiet.provider.call(RecordAnswer(claim_id=refused, status=ClaimStatus.ERROR), RecordedAnswer)
    assert (await shown(quiet, old_id)).corrected_by is None
    await answered(quiet, correction(quiet, old, line("100")))
    assert await dental(quiet) == Decimal(85)


async def test_a_correction_that_comes_again_is_the_same_one(quiet):
    old = claim(quiet)
    await answered(quiet, old)
    new = correction(quiet, old, line("100"))
    first, second = await record(quiet, new), await record(quiet, new)
    assert (first.claim_id, second.duplicate) == (second.claim_id, True)
    decisions = [await decide(quiet, new) for _ in range(2)]
    assert decisions[0] == decisions[1]
    assert await dental(quiet) == Decimal(85)


@pytest.mark.parametrize("system", ["own", "another's"])
async def test_only_ones_own_claims_are_corrected(quiet, running_quietly, make_principal, system):
    other = await make_parties(running_quietly, make_principal)
    theirs = claim(other, identifier=Identifier(number_system(other.provider_id), "17"))
    await answered(other, theirs)
    named = Identifier(number_system(quiet.provider_id if system == "own" else other.provider_id), "17")
    with pytest.raises(ClaimInvalid) as refused:
        await record(quiet, claim(quiet, related=(RelatedClaim(named, "prior"),)))
    assert [(one.path, one.code) for one in refused.value.errors] == [("related[0].claim_number", "unknown-claim")]


async def test_a_payer_takes_nothing_back_of_another_provider(quiet, running_quietly, make_principal):
    """A message names a number of somebody else's: the claim is decided by itself."""
    other = await make_parties(running_quietly, make_principal)
    theirs = claim(quiet)
    await decide(quiet, theirs)
    used = await dental(quiet)
    mine = DecideSubmission(quiet.payer_id, other.provider_id, correction(quiet, theirs, line("100")))
    await quiet.payer.acting_for(quiet.payer_id).call(mine, DecidedSubmission)
    assert await dental(quiet) == used + Decimal(85)


async def test_a_correction_goes_to_the_same_payer(quiet, running_quietly, make_principal):
    other = await make_parties(running_quietly, make_principal)
    old = claim(quiet)
    await answered(quiet, old)
    with pytest.raises(ClaimInvalid) as refused:
        await record(quiet, correction(quiet, old, payer_license=other.payer_license))
    assert refused.value.errors[0].code == "other-payer"


async def test_a_claim_does_not_correct_itself(quiet):
    old = claim(quiet)
    await answered(quiet, old)
    with pytest.raises(ClaimInvalid) as refused:
        await record(quiet, correction(quiet, old, number=old.identifier.value))
    assert refused.value.errors[0].code == "corrects-itself"


@pytest.mark.parametrize(("use", "relationship"), [(Use.PREAUTHORIZATION, "prior"), (Use.CLAIM, "associated")])
async def test_what_only_refers_to_a_claim_replaces_nothing(quiet, use, relationship):
    old = claim(quiet)
    await answered(quiet, old)
    await answered(quiet, claim(quiet, use=use, related=(RelatedClaim(old.identifier, relationship),)))
    assert await dental(quiet) == (Decimal(170) if use is Use.PREAUTHORIZATION else Decimal(340))


async def test_of_two_corrections_at_once_one_wins(quiet):
    for _ in range(ROUNDS):
        old = claim(quiet, line("10"))
        old_id, _ = await answered(quiet, old)
        two = [correction(quiet, old, line(price)) for price in ("20", "30")]
        made = await asyncio.gather(*(record(quiet, one) for one in two), return_exceptions=True)
        refused = [one for one in made if isinstance(one, BaseException)]
        assert [type(one) for one in refused] == [ClaimCorrected], made
        won = next(one for one in made if not isinstance(one, BaseException))
        assert (await shown(quiet, old_id)).corrected_by == won.claim_id


async def test_of_two_corrections_at_once_the_payer_takes_one(quiet):
    """As messages of another system, past the provider's own check: the ledger holds one of them."""
    before = await dental(quiet)
    for _ in range(ROUNDS):
        old = claim(quiet, line("10"))
        await decide(quiet, old)
        two = [correction(quiet, old, line("20")) for _ in range(2)]
        made = await asyncio.gather(*(decide(quiet, one) for one in two), return_exceptions=True)
        refused = [one for one in made if isinstance(one, BaseException)]
        assert [type(one) for one in refused] == [ClaimCorrected], made
        before += next(one for one in made if not isinstance(one, BaseException)).decision.totals.payer_share
        assert await dental(quiet) == before


async def test_what_has_ended_is_not_decided_again(quiet):
    old = claim(quiet)
    _, first = await answered(quiet, old)
    await answered(quiet, correction(quiet, old, line("100")))
    columns = "organization_id, provider_organization_id, provider_license, identifier_system, identifier_value, use,"
    columns += " service_date, outcome, billed, allowed, deductible, copay, tax, payer_tax, payer_share, patient_share,"
    columns += " disposition, disposition_ar, rules_version, trace, decided_at"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with quiet.payer.transaction() as tx:
            await tx.execute(
                f"INSERT INTO claimlinc.decision (id, number, {columns}) SELECT gen_random_uuid(), 2, {columns}"
                " FROM claimlinc.decision WHERE id = $1",
                first.decision_id,
            )


async def test_an_answer_after_the_end_of_the_old_claim_changes_it_no_more(quiet):
    old = claim(quiet)
    old_id, first = await answered(quiet, old)
    await answered(quiet, correction(quiet, old, line("100")))
    await tell(quiet, old_id, first)
    assert (await shown(quiet, old_id)).status == "replaced"
