"""More of an authorization: a request of its own, made of the one that was granted, which the payer decides anew."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from claimlinc import authorization_queries as queries
from claimlinc.authorization_queries import claim_with_number
from claimlinc.authorization_schemas import AuthorizationStatus, ExtensionForm, MoreForm
from claimlinc.contract import ClaimSubmission, Coding, Identifier, Line, RelatedClaim
from claimlinc.errors import AuthorizationStateRefused, ClaimInvalid
from claimlinc.schemas import SubmittedView
from claimlinc.service.authorization_reading import provided
from claimlinc.service.authorizing import EXTEND, EXTENDABLE, audit
from claimlinc.service.forms import Faults
from claimlinc.service.intake import number_system
from claimlinc.service.recording import Entry, digest, record
from claimlinc.service.snapshot import Snapshot, unseal
from masterlinc import wire
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound
from masterlinc.idempotency import Answer
from masterlinc.money import money

_CREATED, _KNOWN = 201, 200


class Extension(Struct, frozen=True):
    """What a repeated request for more is known by."""

    authorization: str
    form: ExtensionForm


async def extend(ctx: Context, reference: str, form: ExtensionForm) -> Answer:
    """Record a request that extends an authorization of the caller's organization and start its workflow.

    Raises NotFound, NotTheProvider, AuthorizationStateRefused, ClaimInvalid with every fault.
    """
    async with ctx.transaction() as tx:
        head = await provided(ctx, tx, reference)
        _require_extendable(head)
        rows = await queries.lines(tx, head["organization_id"], [head["id"]])
        snapshot = await _granted(ctx, tx, head)
        audit(tx, head, "authorization.read", AuthorizationStatus(head["status"]))
    entry = _entry(ctx, head, Extension(reference, form), _more(ctx, snapshot, rows, form))
    recorded = await record(ctx, entry)
    view = SubmittedView(recorded.claim_id, recorded.status.value, recorded.submitted_at, ctx.config.estimated_minutes)
    return Answer(_KNOWN if recorded.duplicate else _CREATED, wire.encode(view))


def _require_extendable(head: Any) -> None:
    status = AuthorizationStatus(head["status"])
    if status not in EXTENDABLE:
        raise AuthorizationStateRefused(
            f"an authorization that is {status.value} is not extended",
            f"لا يمكن تمديد موافقة مسبقة في حالة {status.value}",
        )


async def _granted(ctx: Context, tx: Transaction, head: Any) -> Snapshot:
    """Return the request that was granted, as the provider recorded it."""
    provider: UUID = head["provider_organization_id"]
    row = await claim_with_number(tx, provider, head["identifier_system"], head["identifier_value"])
    if row is None:
        raise NotFound
    return unseal(ctx.vault, provider, row["id"], row["submission"])


def _more(ctx: Context, granted: Snapshot, rows: list[Any], form: ExtensionForm) -> Snapshot:
    """Return the granted request with what is asked for now in place of its lines."""
    faults, before = Faults(), granted.submission
    day = faults.day("service_date", form.service_date) or today(ctx.clock)
    number = faults.code("claim_number", form.claim_number or None, most=128)
    notes = faults.text("notes", form.notes or None, most=4000, lines=True)
    if not form.lines:
        faults.required("lines")
    found = [_line(before, rows, place, one, faults) for place, one in enumerate(form.lines)]
    lines = tuple(replace(line, service_date=day, service_end=None) for line in found if line is not None)
    if faults:
        raise ClaimInvalid(errors=faults)
    more = replace(
        before,
        identifier=Identifier("", number or ""),
        created=today(ctx.clock),
        lines=lines,
        total=money(sum(line.net for line in lines)),
        attachments=(),
        related=(RelatedClaim(before.identifier, EXTEND),),
        notes=notes,
        message_id=None,
    )
    return replace(granted, submission=more)


def _line(before: ClaimSubmission, rows: list[Any], place: int, asked: MoreForm, faults: Faults) -> Line | None:
    """Return a granted line with the units that are asked for; its tax in proportion."""
    path = f"lines[{place}]"
    row = next((one for one in rows if one["sequence"] == asked.sequence), None)
    codes = {(one.system, one.code) for one in wire.load(row["codes"], tuple[Coding, ...])} if row else set()
    line = next((one for one in before.lines if codes & {(c.system, c.code) for c in one.codes}), None)
    if line is None or not line.quantity:
        faults.add(
            f"{path}.sequence",
            "unknown",
            "The request that was granted has no such line",
            "لا يوجد بند بهذا الرقم في الطلب الذي مُنحت عليه الموافقة",
        )
        return None
    if not asked.quantity:
        faults.add(f"{path}.quantity", "range", "More than 0 is expected", "يجب أن تكون الكمية أكبر من صفر")
        return None
    try:
        tax = money(line.tax * asked.quantity / line.quantity)
        net = money(Decimal(asked.quantity) * line.unit_price * line.factor + tax)
    except ValueError:
        faults.add(f"{path}.quantity", "range", "The line sums to more than any may", "مجموع البند يتجاوز الحد المسموح")
        return None
    return replace(line, sequence=place + 1, quantity=asked.quantity, tax=tax, net=net, details=())


def _entry(ctx: Context, head: Any, extension: Extension, snapshot: Snapshot) -> Entry:
    """Give the request its number: the provider's own, or one made of its content and the day: a double is found."""
    provider, submission = head["provider_organization_id"], snapshot.submission
    content = digest(ctx, provider, extension)
    value = submission.identifier.value or f"{submission.created:%Y%m%d}-{content.hex()}"
    numbered = replace(
        submission,
        identifier=Identifier(number_system(provider), value),
        preauth_refs=(extension.authorization,),
    )
    return Entry(
        organization_id=provider,
        snapshot=replace(snapshot, submission=numbered),
        content=content,
        payer_organization_id=head["organization_id"],
    )
