"""A provider corrects a decided claim by a new one: the old one stays as it was sent, and shows what replaced it."""

from typing import Any

from claimlinc.contract import RecordedClaim, Use
from claimlinc.corrections import PRIOR
from claimlinc.errors import ClaimInvalid, ClaimNotCorrectable
from claimlinc.schemas import ClaimForm, RelatedForm
from claimlinc.service.checking import fault
from claimlinc.service.intake import prepare
from claimlinc.service.linking import own_claim
from claimlinc.service.recording import record
from claimlinc.service.submitting import told
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.idempotency import Answer


async def correct(ctx: Context, reference: str, form: ClaimForm) -> Answer:
    """Record a correction of a claim of the caller's; raises NotFound, ClaimInvalid, and what linking refuses."""
    async with ctx.transaction() as tx:
        old = await own_claim(tx, ids.parse("CLM", reference))
        _check_use(old["use"], form)
        number = old["identifier_value"]
        others = tuple(one for one in form.related if (one.claim_number, one.relationship) != (number, PRIOR))
        form.related = (*others, RelatedForm(number, PRIOR, old["identifier_system"]))
        entry = await prepare(ctx, form)
        if entry.organization_id != old["organization_id"]:
            raise ClaimInvalid(errors=[_other_provider()])
        recorded: RecordedClaim = await record(ctx, entry)
    return told(ctx, recorded)


def _check_use(use: str, form: ClaimForm) -> None:
    if use != Use.CLAIM or form.use is not Use.CLAIM:
        raise ClaimNotCorrectable(
            "only claims are corrected; a pre-authorization is asked for anew",
            "التصحيح للمطالبات فقط؛ أما الموافقة المسبقة فتُطلب من جديد",
        )


def _other_provider() -> Any:
    return fault(
        "provider_id",
        "other-provider",
        "A correction comes from the provider of the claim that it corrects",
        "يقدم التصحيح مقدم الخدمة نفسه الذي قدم المطالبة الأصلية",
    )
