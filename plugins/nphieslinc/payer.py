"""The simulated payer: finds the member, lets claimlinc decide in the payer's scope, and answers."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from authlinc.contract import FindOrganization, OrganizationInfo, OrganizationKind
from claimlinc.contract import (
    ClaimSubmission,
    DecidedSubmission,
    DecideSubmission,
    Decision,
    LineDecision,
    Outcome,
    Totals,
)
from masterlinc.context import Context
from masterlinc.errors import DomainError
from masterlinc.ids import new_id
from masterlinc.money import ZERO, Money, Quantity, money
from masterlinc.security.principal import NOBODY
from nphieslinc.config import Config
from nphieslinc.envelope import Envelope
from nphieslinc.faults import BrokenRule
from nphieslinc.writing import MessageIds, Responder, decided, pended, refused
from nphieslinc.writing.header import Sender
from policylinc.contract import CoverStatus, EnrolMember, FindCover, FoundCover, LoadTerms, PersonIdentifier, Terms

# Persons of the exchange's onboarding scenarios.
_UNKNOWN_PERSON = "2333333333"
_INACTIVE_PERSON = "2555555550"
_DEFERRED = "deferred"

DECISION_SYSTEM = "urn:masterlinc:decision"  # the identifier of an answer carries the payer's decision number


class Payer(Struct, frozen=True):
    """The organization that decides; `stands_in` for a payer that is not here."""

    organization_id: UUID
    license: str
    stands_in: bool = False


async def answer(ctx: Context, request: Envelope, submission: ClaimSubmission, hub: Responder) -> bytes:
    """Answer a request whose envelope is sound, as its payer, or as the hub where there is no such payer."""
    ids = MessageIds(new_id(), new_id(), new_id())
    payer = await _payer(ctx, request)
    if payer is None:
        return refused(request, [_no_payer(request)], hub, ctx.clock, ids)
    responder = _responder(request)
    numbers = {one.value for one in submission.subject.identifiers}
    if _UNKNOWN_PERSON in numbers:
        return refused(request, [_no_member(request)], responder, ctx.clock, ids)
    if _INACTIVE_PERSON in numbers:
        return decided(request, _not_active(submission), responder, ctx.clock, ids)
    if submission.priority == _DEFERRED:
        return pended(request, "The payer will decide later", responder, ctx.clock, ids)
    return await _decide(ctx, request, replace(submission, payer_license=payer.license), payer)


async def _decide(ctx: Context, request: Envelope, submission: ClaimSubmission, payer: Payer) -> bytes:
    responder, scope = _responder(request), ctx.acting_for(payer.organization_id)
    ids = MessageIds(new_id(), new_id(), new_id())
    enrolled = await _cover(scope, submission, payer)
    if enrolled is None:
        return refused(request, [_no_member(request)], responder, ctx.clock, ids)
    asked = DecideSubmission(
        payer_organization_id=payer.organization_id,
        provider_organization_id=_provider(ctx),
        submission=submission,
        enrolled_by_simulator=enrolled,
    )
    try:
        kept = await scope.call(asked, DecidedSubmission)
    except DomainError as fault:
        path = request.focus.path if request.focus is not None else "Bundle"
        broken = BrokenRule("GE-00026", path, fault.detail, fault.detail_ar)
        return refused(request, [broken], responder, ctx.clock, ids)
    told = _said(kept.decision, payer) if payer.stands_in else kept.decision
    return decided(request, told, responder, ctx.clock, MessageIds(ids.bundle, ids.header, kept.decision_id))


async def _payer(ctx: Context, request: Envelope) -> Payer | None:
    named = await ctx.call(FindOrganization(request.receiver), OrganizationInfo)
    if named.found and named.kind is OrganizationKind.PAYER and named.organization_id is not None:
        return Payer(named.organization_id, request.receiver)
    config: Config = ctx.config
    simulator = config.simulator
    if not (simulator.auto_enrol and simulator.default_payer):
        return None
    other = await ctx.call(FindOrganization(simulator.default_payer), OrganizationInfo)
    if not other.found or other.organization_id is None:
        return None
    return Payer(other.organization_id, simulator.default_payer, stands_in=True)


def _provider(ctx: Context) -> UUID | None:
    """Return whose message it is: who sent it, as a certificate would say, whatever licence the message names."""
    return None if ctx.principal.organization_id == NOBODY else ctx.principal.organization_id


def _responder(request: Envelope) -> Responder:
    base = f"http://nphies.sa/license/payer-license/{request.receiver}"
    return Responder(Sender("payer", request.receiver, base), base, DECISION_SYSTEM)


async def _cover(scope: Context, submission: ClaimSubmission, payer: Payer) -> bool | None:
    """Find the member, or enrol them where the simulator may: True says enrolled, None says there is no member."""
    config: Config = scope.config
    found = await scope.call(_wanted(submission, payer), FoundCover)
    if found.found and not (config.simulator.auto_enrol and await _lapsed_in_the_simulator(scope, submission, found)):
        return False
    request = _enrolment(scope, submission, payer)
    if not config.simulator.auto_enrol or not request.member_number:
        return None
    return (await scope.call(request, FoundCover)).found or None


def _wanted(submission: ClaimSubmission, payer: Payer) -> FindCover:
    return FindCover(
        service_date=_service_date(submission),
        payer_license=payer.license,
        member_number=submission.cover.member_id,
        policy_number=submission.cover.policy_number,
        identifiers=_identifiers(submission),
        birth_date=submission.subject.birth_date,
    )


def _enrolment(scope: Context, submission: ClaimSubmission, payer: Payer) -> EnrolMember:
    identifiers = _identifiers(submission)
    return EnrolMember(
        payer_organization_id=payer.organization_id,
        name=submission.subject.name,
        birth_date=submission.subject.birth_date,
        gender=submission.subject.gender,
        member_number=submission.cover.member_id or _made_number(scope, payer, identifiers),
        identifiers=identifiers,
        service_date=_service_date(submission),
        policy_class=submission.cover.policy_class,
        enrolled_by_simulator=True,
    )


def _made_number(scope: Context, payer: Payer, identifiers: tuple[PersonIdentifier, ...]) -> str:
    """Make the same member number for the same person; it stands in clear where their identity number may not."""
    if not identifiers:
        return ""
    return f"SIM-{scope.vault.blind(payer.organization_id, 'simulator.member', identifiers[0].value).hex()[:16]}"


async def _lapsed_in_the_simulator(scope: Context, submission: ClaimSubmission, found: FoundCover) -> bool:
    """Say whether the simulator enrolled this member, for another year than the service's."""
    if found.status is CoverStatus.ACTIVE or found.member_id is None or found.payer_organization_id is None:
        return False
    asked = LoadTerms(found.payer_organization_id, found.member_id, _service_date(submission), codes=())
    async with scope.transaction():
        return (await scope.call(asked, Terms)).enrolled_by_simulator


def _identifiers(submission: ClaimSubmission) -> tuple[PersonIdentifier, ...]:
    return tuple(PersonIdentifier(one.system, one.value) for one in submission.subject.identifiers)


def _service_date(submission: ClaimSubmission) -> date:
    return min((line.service_date for line in submission.lines if line.service_date), default=submission.created)


def _said(decision: Decision, payer: Payer) -> Decision:
    note = f"Simulator: {payer.license} decided, because the payer of the message is not here."
    note_ar = f"المحاكي: صدر القرار من {payer.license} لأن شركة التأمين المذكورة غير مسجلة هنا."
    return replace(
        decision, disposition=f"{decision.disposition} {note}", disposition_ar=f"{decision.disposition_ar} {note_ar}"
    )


def _no_payer(request: Envelope) -> BrokenRule:
    path = f"{request.header.path}.destination[0].receiver.identifier.value"
    detail, detail_ar = f"there is no payer {request.receiver}", f"لا توجد شركة تأمين بالترخيص {request.receiver}"
    return BrokenRule("GE-00015", path, detail, detail_ar)


def _no_member(request: Envelope) -> BrokenRule:
    path = f"{request.focus.path}.insurance[0].coverage" if request.focus is not None else "Bundle"
    return BrokenRule("1658", path, "no member has this number or identity", "لا يوجد عضو بهذا الرقم أو هذه الهوية")


def _not_active(submission: ClaimSubmission) -> Decision:
    """Reject every line: the policy was not in force (CV-2-1)."""
    lines = tuple(_rejected(line.sequence, line.net) for line in submission.lines)
    billed = money(sum((line.net for line in submission.lines), Decimal(0)))
    totals = Totals(billed, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    words = "The member's policy is not in force", "وثيقة العضو غير سارية"
    return Decision(Outcome.REJECTED, lines, totals, *words, rules_version="onboarding", preauth_ref="NONE")


def _rejected(sequence: int, billed: Money) -> LineDecision:
    return LineDecision(
        sequence=sequence,
        outcome=Outcome.REJECTED,
        benefit="none",
        billed=billed,
        allowed=ZERO,
        deductible=ZERO,
        copay=ZERO,
        tax=ZERO,
        payer_tax=ZERO,
        payer_share=ZERO,
        patient_share=ZERO,
        approved_quantity=Quantity(0),
        reason="The patient is no covered member on this day",
        reason_ar="المريض ليس عضواً مشمولاً بالتغطية في هذا اليوم",
        denial_code="CV-2-1",
    )
