"""Payment batches: what is paid over time is what is decided, whatever was corrected, cancelled or decided again."""

import asyncio
import random
from contextlib import suppress
from decimal import Decimal

import asyncpg
import pytest
from claim_acts import answered, cancelled, correction, dental, reissue, shown
from claim_builders import line
from claim_deciding import claim
from claim_parties import make_parties
from claim_paying import PAID, pay, payers_people, to
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from claimlinc.contract import ClaimStatus, ClaimType
from claimlinc.errors import BatchStateRefused, ClaimNotCancellable, ClaimStateRefused, NothingDue, SamePerson
from claimlinc.service import cases, paying
from claimlinc.service.fees import detail
from claimlinc.service.states import Event, Role
from masterlinc import ids
from masterlinc.errors import NotFound
from masterlinc.money import Quantity

ROUNDS = 200


async def paid_in_all(parties):
    async with parties.payer.transaction() as tx:
        return await tx.fetchrow(
            "SELECT coalesce((SELECT sum(l.payment) FROM claimlinc.payment_line l JOIN claimlinc.payment_batch b"
            "  ON b.id = l.batch_id WHERE b.state <> 'withdrawn'), 0) AS lines,"
            " coalesce((SELECT sum(paid) FROM claimlinc.claim_account), 0) AS paid,"
            " coalesce((SELECT sum(entitled) FROM claimlinc.claim_account), 0) AS entitled"
        )


def test_the_sample_of_nphies_comes_out_to_the_halala():
    """Sample 13a: 195.50 + 0 - 1.95 = 193.55."""
    one = detail(Decimal("195.50"), Decimal(0), Decimal(1))
    assert (one.early_fee, one.nphies_fee, one.amount) == (Decimal(0), Decimal("-1.95"), Decimal("193.55"))


AMOUNTS = st.decimals(min_value=Decimal("-999999.99"), max_value=Decimal("999999.99"), places=2)
PERCENTS = st.decimals(min_value=0, max_value=100, places=2)


@given(AMOUNTS, PERCENTS, PERCENTS)
def test_the_parts_of_a_detail_sum_to_it(payment, early, nphies):
    one = detail(payment, early, nphies)
    assert one.amount == one.payment + one.early_fee + one.nphies_fee
    assert one.early_fee <= 0
    assert one.nphies_fee <= 0
    assert (payment > 0) or one.amount == payment
    assert all(part == part.quantize(Decimal("0.01")) for part in one)


async def test_what_is_due_is_collected_approved_sent_and_settled(quiet, desk):
    """230 and 100 at 15 %: 195.50 and 85.00; 2 % for paying early, 1 % for NPHIES."""
    claims = [(await answered(quiet, claim(quiet, line(price))))[0] for price in ("230", "100")]
    (due,) = (await paying.show_due(desk[0])).due
    assert (due.claims, due.payment) == (2, Decimal("280.50"))
    draft = await paying.prepare(desk[0], to(quiet, early_fee_percent=Quantity.parse("2")))
    assert [(one.payment, one.early_fee, one.nphies_fee, one.amount) for one in draft.lines] == [
        (Decimal("195.50"), Decimal("-3.91"), Decimal("-1.95"), Decimal("189.64")),
        (Decimal("85.00"), Decimal("-1.70"), Decimal("-0.85"), Decimal("82.45")),
    ]
    assert (draft.state, draft.amount) == ("draft", Decimal("272.09"))
    assert (await paying.show_due(desk[0])).due == []
    with pytest.raises(NothingDue):
        await paying.prepare(desk[1], to(quiet))
    with pytest.raises(SamePerson):
        await paying.approve(desk[0], draft.batch_id)
    with pytest.raises(BatchStateRefused):
        await paying.send(desk[1], draft.batch_id)
    for act in (paying.approve, paying.send):
        await act(desk[1], draft.batch_id)
    with pytest.raises(BatchStateRefused):
        await paying.withdraw(desk[0], draft.batch_id)
    settled = await paying.settle(desk[1], draft.batch_id, PAID)
    assert (settled.state, settled.bank_reference) == ("settled", "BANK-1")
    assert [(await shown(quiet, one)).status for one in claims] == ["paid", "paid"]
    with pytest.raises(NothingDue):
        await paying.prepare(desk[0], to(quiet))


async def test_rejected_and_pended_claims_are_not_paid(quiet, desk):
    await answered(quiet, claim(quiet, line("100"), claim_type=ClaimType.VISION))
    with pytest.raises(NothingDue):
        await paying.prepare(desk[0], to(quiet))


async def test_more_than_a_batch_holds_is_paid_in_several_and_nothing_is_stuck(quiet, desk, monkeypatch):
    """Three paid claims of 85 are corrected to 127.50 each: what is taken back is older than all that covers it."""
    old = [claim(quiet, line("100")) for _ in range(3)]
    for one in old:
        await answered(quiet, one)
    await pay(desk, quiet)
    for one in old:
        await answered(quiet, correction(quiet, one, line("150")))
    monkeypatch.setattr(desk[0].config, "batch_claims", 2)
    payments = []
    with pytest.raises(NothingDue):
        while True:
            payments.append([one.payment for one in (await pay(desk, quiet)).lines])
    assert payments == [[Decimal("-85.00"), Decimal("127.50")]] * 3
    sums = await paid_in_all(quiet)
    assert sums["paid"] == sums["entitled"] == Decimal("382.50")


async def test_what_a_person_looks_at_is_not_paid(quiet, desk):
    """A decided claim that is opened again waits, and is due when the case is over."""
    _, decided = await answered(quiet, claim(quiet))
    payer = quiet.payer.acting_for(quiet.payer_id)
    for state, due in ((ClaimStatus.PENDED, 0), (ClaimStatus.APPROVED, 1)):
        async with payer.transaction() as tx:
            case = await cases.open_again(payer, tx, quiet.payer_id, decided.decision_id, "reopened")
            await cases.move(payer, tx, replace(case, state=state), cases.Step(Event.REOPEN, Role.REVIEWER))
        assert len((await paying.show_due(desk[0])).due) == due


async def test_a_paid_claim_is_not_cancelled(quiet, desk):
    claim_id, _ = await answered(quiet, claim(quiet))
    draft = await paying.prepare(desk[0], to(quiet))
    with pytest.raises(ClaimNotCancellable):
        await cancelled(quiet, claim_id)
    await paying.withdraw(desk[0], draft.batch_id)
    await cancelled(quiet, claim_id)
    with pytest.raises(NothingDue):
        await paying.prepare(desk[0], to(quiet))


async def test_a_correction_after_payment_is_settled_by_the_difference(quiet, desk):
    """195.50 were paid, the correction says 255: the one is taken back and the other paid, less its fee."""
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    first = await pay(desk, quiet)
    assert first.payment == Decimal("195.50")
    new_id, _ = await answered(quiet, correction(quiet, old, line("300")))
    second = await pay(desk, quiet)
    assert {(one.kind, one.reason, one.payment, one.nphies_fee) for one in second.lines} == {
        ("adjustment", "replaced", Decimal("-195.50"), Decimal(0)),
        ("payment", "decided", Decimal("255.00"), Decimal("-2.55")),
    }
    assert second.amount == Decimal("56.95")
    assert [(await shown(quiet, one)).status for one in (old_id, new_id)] == ["replaced", "paid"]


async def test_what_nothing_covers_is_taken_back_later(quiet, desk):
    old = claim(quiet)
    await answered(quiet, old)
    await pay(desk, quiet)
    await answered(quiet, correction(quiet, old, line("100")))
    with pytest.raises(NothingDue, match=r"110\.50 is to be taken back"):
        await paying.prepare(desk[0], to(quiet))
    await answered(quiet, claim(quiet, line("200")))
    assert (await pay(desk, quiet)).payment == Decimal("59.50")


async def test_a_decision_that_is_made_again_is_topped_up(quiet, desk):
    """A person allows 50 of 100, and then 90: 42.50 are paid, and 34.00 more."""
    _, decided = await answered(quiet, claim(quiet, line("100")))
    lower = await reissue(quiet, decided.decision_id, Decimal(50))
    assert (await pay(desk, quiet)).payment == Decimal("42.50")
    await reissue(quiet, lower.decision_id, Decimal(90))
    (more,) = (await pay(desk, quiet)).lines
    assert (more.kind, more.reason, more.payment, more.paid_before) == (
        "adjustment",
        "decided_again",
        Decimal("34.00"),
        Decimal("42.50"),
    )


async def test_a_claim_is_in_one_live_batch(quiet, desk):
    """The database keeps it, whatever the code does."""
    await answered(quiet, claim(quiet))
    draft = await paying.prepare(desk[0], to(quiet))
    columns = (
        "provider_organization_id, account_id, decision_id, kind, reason, entitled, paid_before, payment, early_fee"
    )
    columns += ", nphies_fee, amount, open"
    with pytest.raises(asyncpg.UniqueViolationError, match="payment_line_live"):
        async with quiet.payer.transaction() as tx:
            await tx.execute(
                f"INSERT INTO claimlinc.payment_line (organization_id, batch_id, position, {columns})"
                f" SELECT organization_id, batch_id, 2, {columns} FROM claimlinc.payment_line WHERE batch_id = $1",
                ids.parse("PAY", draft.batch_id),
            )


async def test_of_two_batches_at_once_one_collects_and_a_cancellation_beside_them_is_paid_or_not(quiet, desk):
    for _ in range(ROUNDS // 4):
        claim_id, _ = await answered(quiet, claim(quiet, line("10")))
        made = await asyncio.gather(
            paying.prepare(desk[0], to(quiet)),
            paying.prepare(desk[1], to(quiet)),
            cancelled(quiet, claim_id),
            return_exceptions=True,
        )
        won = [one for one in made if not isinstance(one, BaseException)]
        assert len(won) == 1, made
        sums = await paid_in_all(quiet)
        assert sums["lines"] == sums["paid"]
        if isinstance(made[2], BaseException):
            assert isinstance(made[2], ClaimNotCancellable)
            await paying.withdraw(desk[0], won[0].batch_id)
            await cancelled(quiet, claim_id)
        assert await dental(quiet) == Decimal(0)


async def test_nobody_touches_the_batches_of_another_payer(quiet, desk, running_quietly, make_principal):
    await answered(quiet, claim(quiet))
    draft = await paying.prepare(desk[0], to(quiet))
    other = await make_parties(running_quietly, make_principal)
    theirs = running_quietly.context("claimlinc", make_principal("payer_admin", organization=other.payer_id))
    for act in (paying.show, paying.approve, paying.withdraw):
        with pytest.raises(NotFound):
            await act(theirs, draft.batch_id)
    with pytest.raises(NotFound):
        await paying.show(quiet.provider, draft.batch_id)


async def test_over_any_sequence_the_ledger_and_the_payments_are_the_sum_of_the_decisions(
    running_quietly, make_principal
):
    """Decide, correct, cancel, decide again and pay, in 40 random sequences: both sums hold after every step."""
    for seed in range(40):
        chance = random.Random(seed)
        parties = await make_parties(running_quietly, make_principal)
        desk = payers_people(running_quietly, make_principal, parties)
        live: dict = {}  # a claim's submission: its id and decision
        for _ in range(8):
            await _one_step(chance, parties, desk, live)
            sums = await paid_in_all(parties)
            shares = sum((share for *_, share in live.values()), Decimal(0))
            assert (sums["lines"], sums["entitled"]) == (sums["paid"], shares), seed
            assert await dental(parties) == shares, seed
        extra = claim(parties, line("1500"))  # covers whatever is to be taken back
        claim_id, decided = await answered(parties, extra)
        live[extra.identifier] = (extra, claim_id, decided.decision_id, decided.decision.totals.payer_share)
        await pay(desk, parties)
        sums = await paid_in_all(parties)
        assert sums["paid"] == sum((share for *_, share in live.values()), Decimal(0)), seed


async def _one_step(chance, parties, desk, live):
    act = chance.choice(("decide", "correct", "cancel", "again", "pay") if live else ("decide",))
    price = line(f"{chance.randrange(10, 60)}.{chance.randrange(100):02}")
    if act == "decide":
        made = claim(parties, price)
    elif act == "pay":
        with suppress(NothingDue):
            await pay(desk, parties)
        return
    else:
        made, claim_id, decision_id, share = live.pop(chance.choice(sorted(live, key=lambda one: one.value)))
        if act == "cancel":
            with suppress(ClaimNotCancellable, ClaimStateRefused):
                await cancelled(parties, claim_id)
                return
        if act == "again":
            decided = await reissue(parties, decision_id, Decimal(chance.randrange(1, 100)) / 10)
            decision_id, share = decided.decision_id, decided.decision.totals.payer_share
        if act != "correct":
            live[made.identifier] = (made, claim_id, decision_id, share)
            return
        made = correction(parties, made, price)
    claim_id, decided = await answered(parties, made)
    live[made.identifier] = (made, claim_id, decided.decision_id, decided.decision.totals.payer_share)
