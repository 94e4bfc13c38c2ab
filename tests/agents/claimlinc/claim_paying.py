"""Paying in the tests: two people of the payer, and a batch from draft to settled."""

from datetime import date
from typing import Any

from claim_parties import Parties

from claimlinc.payment_schemas import BatchDetail, BatchForm, SettleForm
from claimlinc.service import paying
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.testing import MakePrincipal, Running

PAID = SettleForm(date(2026, 3, 20), "BANK-1")


def to(parties: Parties, **more: Any) -> BatchForm:
    return BatchForm(provider_id=ids.show("ORG", parties.provider_id), **more)


def payers_people(running: Running, make_principal: MakePrincipal, parties: Parties) -> list[Context]:
    principals = [make_principal("payer_admin", organization=parties.payer_id) for _ in range(2)]
    return [running.context("claimlinc", one) for one in principals]


async def sent(desk: list[Context], parties: Parties, **more: Any) -> BatchDetail:
    """Collect, approve and send what is due; returns the batch as it was drafted."""
    one, other = desk
    batch = await paying.prepare(one, to(parties, **more))
    await paying.approve(other, batch.batch_id)
    await paying.send(other, batch.batch_id)
    return batch


async def pay(desk: list[Context], parties: Parties, **more: Any) -> BatchDetail:
    """Send what is due, and settle it."""
    batch = await sent(desk, parties, **more)
    await paying.settle(desk[1], batch.batch_id, PAID)
    return batch
