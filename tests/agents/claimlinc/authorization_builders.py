"""Requests for pre-authorizations, the claims that use them, and decisions on both as a payer makes them."""

from datetime import date
from decimal import Decimal

from claim_builders import DAY, NATIONAL_ID_OF_SARA, line, submission
from msgspec.structs import replace

from claimlinc.adjudication import Facts
from claimlinc.contract import (
    ClaimType,
    Cover,
    DecidedSubmission,
    DecideSubmission,
    Identifier,
    Outcome,
    Subject,
    Use,
)
from claimlinc.service import authorizing
from masterlinc import ids
from masterlinc.identity import NATIONAL_ID
from masterlinc.ids import new_id
from masterlinc.money import Quantity
from policylinc.changes.documents import PayerDocument
from policylinc.changes.importing import import_documents, single
from policylinc.contract import LoadTerms, Terms


def request(parties, *lines, use=Use.PREAUTHORIZATION, **more):
    lines = lines or (line("200", "30", "3"),)
    values = {
        "use": use,
        "identifier": Identifier("http://clinic.test/claim", f"req_{new_id().hex}"),
        "provider_license": parties.provider_license,
        "payer_license": parties.payer_license,
        "cover": Cover(member_id=parties.member_number, policy_number=parties.policy_number),
        "subject": Subject(name="Sara", identifiers=(Identifier(NATIONAL_ID, NATIONAL_ID_OF_SARA),)),
        "claim_type": ClaimType.ORAL,
    }
    return submission(*lines, **(values | more))


async def decide(parties, made):
    asked = DecideSubmission(parties.payer_id, parties.provider_id, made)
    return await parties.payer.acting_for(parties.payer_id).call(asked, DecidedSubmission)


async def granted(parties, *lines, **more):
    """A decided request: its submission and what was decided."""
    made = request(parties, *lines, **more)
    decided = await decide(parties, made)
    assert decided.decision.outcome is Outcome.APPROVED, decided.decision
    return made, decided


def payer(parties):
    return parties.payer.acting_for(parties.payer_id)


async def facts_of(parties, tx, made):
    """What the payer knows of a submission, under the member's lock."""
    load = LoadTerms(parties.payer_id, parties.member_id, DAY, parties.provider_id)
    terms = await payer(parties).call(load, Terms)
    known = await authorizing.usable(tx, parties.payer_id, parties.member_id, parties.provider_id, made)
    return Facts(terms, authorizations=known)


async def shown(parties, reference):
    """An authorization's state, and (granted, used) of quantity and amount by line, checked against its entries."""
    key = ids.parse("AUT", reference)
    async with payer(parties).transaction() as tx:
        head = await tx.fetchrow("SELECT * FROM claimlinc.preauthorization WHERE id = $1", key)
        rows = await tx.fetch(
            "SELECT sequence, quantity_granted, quantity_used, amount_granted, amount_used"
            " FROM claimlinc.preauthorization_line WHERE authorization_id = $1 ORDER BY sequence",
            key,
        )
        entries = await tx.fetch(
            "SELECT sequence, kind, quantity, amount FROM claimlinc.preauthorization_entry WHERE authorization_id = $1",
            key,
        )
    for row in rows:
        of = [one for one in entries if one["sequence"] == row["sequence"]]
        assert row["quantity_granted"] == _sum(of, "quantity", "grant", "withdrawal", "release")
        assert row["amount_granted"] == _sum(of, "amount", "grant", "withdrawal", "release")
        assert row["quantity_used"] == _sum(of, "quantity", "use", "reversal")
        assert row["amount_used"] == _sum(of, "amount", "use", "reversal")
    return head, {row["sequence"]: tuple(row.values())[1:] for row in rows}


def _sum(entries, name, plus, *minus):
    signs = {plus: 1} | dict.fromkeys(minus, -1)
    return sum((one[name] * signs[one["kind"]] for one in entries if one["kind"] in signs), Decimal(0))


def using(decided, reference, quantity=None):
    """The same decision with every line drawing on an authorization."""
    lines = tuple(
        replace(
            one,
            authorization=reference,
            approved_quantity=Quantity(quantity) if quantity is not None else one.approved_quantity,
        )
        for one in decided.lines
    )
    return replace(decided, lines=lines)


async def terms_of_payer(running, make_principal, parties, **terms):
    """Have the payer deal with authorizations by these terms, from long ago."""
    keeper = running.context("policylinc", make_principal("payer_admin", organization=parties.payer_id))
    document = PayerDocument(effective_from=date(2020, 1, 1), **terms)
    await import_documents(keeper, parties.payer_id, single(document), backdated=True)
