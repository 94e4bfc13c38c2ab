"""Policies: what a document sells, and the one thing of a policy that changes later."""

from collections.abc import Iterator
from typing import Any

from masterlinc.db import Transaction
from masterlinc.errors import FieldError
from masterlinc.ids import new_id
from policylinc.changes import queries, sets
from policylinc.changes.change import NEW, Change, Part, Surroundings, made_change
from policylinc.changes.documents import PolicyDocument
from policylinc.changes.versions import Plan, Step
from policylinc.checks import fault
from policylinc.contract import CoverStatus
from policylinc.queries import class_of_product


async def plan_policy(tx: Transaction, where: Surroundings, document: PolicyDocument) -> Change:
    found = await queries.policy(tx, where.payer, document.policy_number)
    sold = await class_of_product(tx, where.payer, (document.product, document.policy_class), document.effective_from)
    if sold is None:
        words = "The product has no such class", "لا يوجد منتج أو فئة بهذا الاسم"
        return Change(document, (fault("product", "unknown", *words),), NEW)
    before = None if found is None else _policy_grant(found)
    own, limits = before or sold, ("annual_limit", "deductible", "network")
    given = {name: getattr(document, name) for name in limits}
    after = sets.PolicyGrant(
        policy_number=document.policy_number,
        product=document.product,
        policy_class=document.policy_class,
        holder=document.holder,
        effective_date=document.effective_from,
        expiry_date=document.expiry_date,
        status=document.status,
        **{name: getattr(own, name) if value is None else value for name, value in given.items()},
    )
    faults = [*_policy_faults(before, after)]
    if document.network and not await queries.networks(tx, where.payer, [document.network]):
        faults.append(fault("network", "unknown", "No network has this code", "لا توجد شبكة بهذا الرمز"))
    steps = () if before == after else (Step(document.policy_number, before, after),)
    row = {"id": found["id"] if found else new_id(), "product_id": sold.product_id, "created_at": where.now}
    base = f"{found['id']} {found['status']}" if found else NEW
    return made_change(
        where, document, faults, (Part(Plan(sets.POLICIES, steps, ()), lambda _: row),), base=base, held=()
    )


def _policy_grant(found: Any) -> sets.PolicyGrant:
    fields = {name: found[name] for name in sets.PolicyGrant.__struct_fields__}
    return sets.PolicyGrant(**fields | {"status": CoverStatus(found["status"])})


def _policy_faults(before: sets.PolicyGrant | None, after: sets.PolicyGrant) -> Iterator[FieldError]:
    """A policy is what was sold: it is ended or suspended, and renewed under another number."""
    fields = {"effective_date": "effective_from"}
    for name in sets.PolicyGrant.__struct_fields__ if before else ():
        if name != "status" and getattr(before, name) != getattr(after, name):
            words = (
                "The policy says otherwise: only its status changes",
                "الوثيقة القائمة تختلف عن ذلك: لا تتغير إلا حالتها",
            )
            yield fault(fields.get(name, name), "fixed", *words)
