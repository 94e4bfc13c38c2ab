"""Remittances and the bank: what came is held against what was sent, to the halala, and matched once."""

import asyncio
import csv
import io
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest
from claim_acts import answered, correction
from claim_builders import line
from claim_deciding import claim
from claim_parties import make_parties
from claim_paying import pay, payers_people, sent
from hypothesis import given
from hypothesis import strategies as st

from claimlinc.contract import Identifier
from claimlinc.errors import BankLineMatched, BankLineNotMatched
from claimlinc.remittance_schemas import BankFile, BankLineForm, MatchForm
from claimlinc.service import banking, matching, paying, remitting
from claimlinc.service.forms import Faults
from masterlinc import ids
from masterlinc.clock import today
from masterlinc.errors import Invalid, NotFound
from masterlinc.ids import new_id
from masterlinc.testing import bearer, client_of

ROUNDS = 200


def booked(parties):
    return today(parties.provider.clock).isoformat()


def bank(parties, *rows):
    """Rows of amount and reference."""
    lines = [BankLineForm(f"T-{new_id().hex}", booked(parties), amount, text) for amount, text in rows]
    return BankFile(lines=tuple(lines))


async def standing(parties):
    found = await matching.reconcile(parties.provider)
    return found, {one.remittance_id: (one.state, one.difference) for one in found.remittances}


async def test_a_remittance_tells_per_line_what_was_paid_adjusted_and_denied(quiet, desk):
    """200 + 30 tax at 15 %; the rest of a limit of 2,000: 1,830 of 2,550 of the second claim are paid, CV-1-8."""
    await answered(quiet, claim(quiet))
    await answered(quiet, claim(quiet, line("3000")))
    batch = await sent(desk, quiet)
    shown = await remitting.show(quiet.provider, batch.batch_id)
    assert [(one.kind, one.reason, one.payment) for one in shown.details] == [
        ("payment", "decided", Decimal("195.50")),
        ("payment", "decided", Decimal("1830.00")),
    ]
    (whole,), (cut,) = (one.lines for one in shown.details)
    assert (whole.billed, whole.paid, whole.patient_share, whole.adjusted) == tuple(
        map(Decimal, ("230", "195.50", "34.50", "0"))
    )
    assert (cut.paid, cut.denial_code) == (Decimal(1830), "CV-1-8")
    assert cut.paid + cut.patient_share + cut.adjusted == cut.billed
    assert cut.reason_ar
    assert all(one.claim_id for one in shown.details)


async def test_only_what_is_sent_is_seen_and_only_by_its_provider(quiet, desk, running_quietly, make_principal):
    await answered(quiet, claim(quiet))
    draft = await paying.prepare(desk[0], _to(quiet))
    for reader in (quiet.provider, (await make_parties(running_quietly, make_principal)).provider):
        with pytest.raises(NotFound):
            await remitting.show(reader, draft.batch_id)
    await paying.approve(desk[1], draft.batch_id)
    await paying.send(desk[1], draft.batch_id)
    other = await make_parties(running_quietly, make_principal)
    with pytest.raises(NotFound):
        await remitting.show(other.provider, draft.batch_id)
    assert (await remitting.show(quiet.provider, draft.batch_id)).amount == draft.amount
    assert (await remitting.list_remittances(other.provider, 1, 20, 0)).total == 0


async def test_the_csv_is_the_remittance_and_holds_no_formula(quiet, desk):
    await answered(quiet, claim(quiet, identifier=Identifier("http://clinic.test/claim", "=1+1")))
    batch = await sent(desk, quiet)
    body = await remitting.download(quiet.provider, batch.batch_id)
    (row,) = csv.DictReader(io.StringIO(body.decode("utf-8-sig")))
    assert row["claim_number"] == "'=1+1"
    assert (row["payment"], row["nphies_fee"], row["amount"]) == ("195.50", "-1.95", "193.55")
    assert row["line_paid"] == "195.50"
    assert "الموافقة" in row["line_reason_ar"]


async def test_what_names_its_remittance_is_matched_and_differences_are_told(quiet, desk):
    """193.55 was sent; 100.00 came first, then the rest, then too much."""
    await answered(quiet, claim(quiet))
    batch = await sent(desk, quiet)
    assert (await standing(quiet))[1] == {batch.batch_id: ("missing", Decimal("-193.55"))}
    for amount, state, difference in (("100", "partial", "-93.55"), ("93.55", "exact", "0")):
        made = await banking.bring_in(quiet.provider, bank(quiet, (amount, f"transfer {batch.batch_id.lower()} ok")))
        assert (made.added, made.matched) == (1, 1)
        assert (await standing(quiet))[1] == {batch.batch_id: (state, Decimal(difference))}
    again = bank(quiet, ("5", "a gift"))
    assert (await banking.bring_in(quiet.provider, again)).matched == 0
    found, _ = await standing(quiet)
    assert [one.amount for one in found.unmatched] == [Decimal(5)]
    await matching.match(quiet.provider, batch.batch_id, MatchForm(found.unmatched[0].bank_line_id))
    assert (await standing(quiet))[1] == {batch.batch_id: ("over", Decimal(5))}
    with pytest.raises(BankLineMatched):
        await matching.match(quiet.provider, batch.batch_id, MatchForm(found.unmatched[0].bank_line_id))
    await matching.unmatch(quiet.provider, found.unmatched[0].bank_line_id)
    assert (await standing(quiet))[1] == {batch.batch_id: ("exact", Decimal(0))}
    with pytest.raises(BankLineNotMatched):
        await matching.unmatch(quiet.provider, found.unmatched[0].bank_line_id)


async def test_an_amount_that_only_one_of_both_sides_has_is_matched(quiet, desk):
    await answered(quiet, claim(quiet))
    batch = await sent(desk, quiet)
    assert (await banking.bring_in(quiet.provider, bank(quiet, ("193.55", "")))).matched == 1
    assert (await standing(quiet))[1] == {batch.batch_id: ("exact", Decimal(0))}


async def test_an_amount_that_could_be_either_waits_for_a_person(quiet, desk):
    for _ in range(2):
        await answered(quiet, claim(quiet))
        await pay(desk, quiet)
    made = await banking.bring_in(quiet.provider, bank(quiet, ("193.55", "")))
    assert (made.added, made.matched) == (1, 0)


async def test_the_same_file_twice_changes_nothing(quiet):
    file = bank(quiet, ("10", "a"), ("20.5", "b"))
    first, second = [await banking.bring_in(quiet.provider, file) for _ in range(2)]
    assert (first.added, first.known, second.added, second.known) == (2, 0, 0, 2)


async def test_every_fault_of_a_file_is_listed_and_nothing_is_taken(quiet):
    day = booked(quiet)
    tomorrow = (today(quiet.provider.clock) + timedelta(days=1)).isoformat()
    text = "\n".join(
        [
            "transaction_id,booked_on,amount,reference,sender",
            f"A1,{day},10.00,ok,",
            f",{day},10,,",
            f"A2,{tomorrow},10,,",
            f"A3,{day},-4,,",
            f"A4,{day},1.001,,",
            f"A1,{day},10,,",
            f"A5,{day},10",
            "A6,soon,ten,,",
        ]
    )
    with pytest.raises(Invalid) as refused:
        await banking.bring_in(quiet.provider, BankFile(csv=text))
    assert {(one.path, one.code) for one in refused.value.errors} == {
        ("csv[3].transaction_id", "text"),
        ("csv[4].booked_on", "future"),
        ("csv[5].amount", "amount"),
        ("csv[6].amount", "amount"),
        ("csv[7].transaction_id", "twice"),
        ("csv[8]", "cells"),
        ("csv[9].booked_on", "date"),
        ("csv[9].amount", "amount"),
    }
    assert all(one.detail_ar for one in refused.value.errors)
    assert (await standing(quiet))[0].unmatched == []


async def test_a_known_number_with_other_content_is_a_fault(quiet):
    file = BankFile(lines=(BankLineForm("X", booked(quiet), "10"),))
    await banking.bring_in(quiet.provider, file)
    with pytest.raises(Invalid) as refused:
        await banking.bring_in(quiet.provider, BankFile(lines=(BankLineForm("X", booked(quiet), "11"),)))
    assert [(one.path, one.code) for one in refused.value.errors] == [("lines[0].transaction_id", "differs")]


@given(st.text(max_size=200))
def test_whatever_text_comes_as_csv_it_is_lines_or_faults(text):
    faults = Faults()
    lines = list(banking._of_csv(text, faults))
    assert all(path.startswith("csv[") for path, _ in lines)
    assert all(one.detail and one.detail_ar for one in faults)


async def test_a_bank_line_is_matched_once_whoever_tries(quiet, desk):
    await answered(quiet, claim(quiet))
    first = await sent(desk, quiet)
    await answered(quiet, claim(quiet, line("100")))
    second = await sent(desk, quiet)
    for _ in range(ROUNDS):
        await banking.bring_in(quiet.provider, bank(quiet, ("7", "for somebody")))
        found, _ = await standing(quiet)
        number = found.unmatched[0].bank_line_id
        made = await asyncio.gather(
            *(matching.match(quiet.provider, one.batch_id, MatchForm(number)) for one in (first, second)),
            return_exceptions=True,
        )
        refused = [one for one in made if isinstance(one, BaseException)]
        assert [type(one) for one in refused] == [BankLineMatched], made
    columns = "bank_line_id, payer_organization_id, batch_id, how, matched_at, matched_by"
    with pytest.raises(asyncpg.UniqueViolationError, match="remittance_match_once"):
        async with quiet.provider.transaction() as tx:
            await tx.execute(
                f"INSERT INTO claimlinc.remittance_match (organization_id, id, {columns})"
                f" SELECT organization_id, gen_random_uuid(), {columns} FROM claimlinc.remittance_match LIMIT 1"
            )


async def test_claims_that_were_paid_otherwise_are_named_until_the_difference_is_settled(quiet, desk):
    old = claim(quiet)
    old_id, _ = await answered(quiet, old)
    await pay(desk, quiet)
    assert (await standing(quiet))[0].claims == []
    await answered(quiet, correction(quiet, old, line("300")))
    (one,) = (await standing(quiet))[0].claims
    assert (one.claim_id, one.expected, one.remitted, one.difference) == (
        ids.show("CLM", old_id),
        Decimal(0),
        Decimal("195.50"),
        Decimal("195.50"),
    )
    await pay(desk, quiet)
    assert (await standing(quiet))[0].claims == []


async def test_over_http_from_the_draft_to_the_bank(quiet, running_quietly, make_principal):
    await answered(quiet, claim(quiet))
    one, other = (
        bearer(running_quietly, ctx.principal) for ctx in payers_people(running_quietly, make_principal, quiet)
    )
    provider = bearer(running_quietly, quiet.provider.principal)
    async with client_of(running_quietly) as client:
        body = {"provider_id": quiet.provider_license, "early_fee_percent": 0}
        assert (await client.get("/api/v1/payments/due", headers=one)).json()["due"][0]["payment"] == 195.5
        keyed = one | {"Idempotency-Key": "b1"}
        draft = await client.post("/api/v1/payments/batches", json=body, headers=keyed)
        assert draft.status_code == 201, draft.text
        again = await client.post("/api/v1/payments/batches", json=body, headers=keyed)
        assert again.json() == draft.json()
        nothing = await client.post("/api/v1/payments/batches", json=body, headers=one)
        assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing-due")
        number = draft.json()["batch_id"]
        path = f"/api/v1/payments/batches/{number}"
        assert (await client.post(f"{path}/approve", headers=one)).json()["code"] == "same-person"
        for act in ("approve", "send"):
            assert (await client.post(f"{path}/{act}", headers=other)).status_code == 200
        assert (await client.get(f"{path}", headers=provider)).status_code == 403
        advice = await client.get(f"/api/v1/remittances/{number}", headers=provider)
        assert advice.json()["details"][0]["amount"] == 193.55
        sheet = await client.get(f"/api/v1/remittances/{number}/csv", headers=provider)
        assert sheet.headers["content-type"].startswith("text/csv")
        assert sheet.headers["content-disposition"] == f'attachment; filename="{number}.csv"'
        lines = [{"transaction_id": "T1", "booked_on": booked(quiet), "amount": 193.55, "reference": number}]
        taken = await client.post("/api/v1/bank-lines", json={"lines": lines}, headers=provider)
        assert (taken.status_code, taken.json()) == (201, {"added": 1, "known": 0, "matched": 1})
        settled = await client.post(
            f"{path}/settle", json={"paid_on": "2026-03-20", "bank_reference": "SNB-1"}, headers=other
        )
        assert settled.json()["state"] == "settled"
        stands = (await client.get("/api/v1/reconciliation", headers=provider)).json()
        assert [(one["state"], one["difference"]) for one in stands["remittances"]] == [("exact", 0)]
        assert (await client.post("/api/v1/reconciliation/match", headers=provider)).json() == {"matched": 0}


def _to(parties):
    return paying.BatchForm(provider_id=ids.show("ORG", parties.provider_id))
