"""The local steps of the claim's workflow: each loads the claim by its key, asks the agent that knows, appends rows."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from claimlinc import queries, writes
from claimlinc.adjudication.decision import service_days
from claimlinc.contract import ClaimSubmission
from claimlinc.service.loading import load
from claimlinc.service.snapshot import unseal
from masterlinc import wire
from masterlinc.agent import Park, StepDone, StepInput
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.ids import new_id
from policylinc.contract import FindCover, FoundCover, PersonIdentifier
from sbslinc.contract import (
    ApplyFinancialRules,
    CodeToNormalize,
    FinancialLine,
    FinancialResult,
    Finding,
    MappingSource,
    NormalizeCodes,
    NormalizedCode,
    NormalizedCodes,
    SignDocument,
    SignedDocument,
)


class SignedContent(Struct, frozen=True):
    """What a claim's signature stands for."""

    claim_id: UUID
    submission: ClaimSubmission
    lines: tuple[Any, ...]


async def normalize(ctx: Context, step: StepInput) -> StepDone:
    """Translate the lines' codes to the exchange's systems; what is not recognised stays as sent, with a warning."""
    async with ctx.transaction() as tx:
        claim = await _locked(ctx, tx, step)
        request = NormalizeCodes(
            organization_id=step.organization_id,
            claim_type=claim.submission.claim_type.value,
            codes=tuple(
                CodeToNormalize(line.sequence, line.codes[0].system or None, line.codes[0].code, line.codes[0].display)
                for line in claim.submission.lines
            ),
        )
        answer = await ctx.call(request, NormalizedCodes)
        await _append_codes(ctx, tx, claim, answer.codes)
        unknown = [code for code in answer.codes if code.source is MappingSource.NONE]
        await _append_findings(ctx, tx, claim, "normalized", (_unrecognised(claim, code) for code in unknown))
        return StepDone(f"{len(answer.codes) - len(unknown)} of {len(answer.codes)} codes recognised")


async def apply_financial_rules(ctx: Context, step: StepInput) -> StepDone:
    """Check the claim's arithmetic; what is wrong is kept as findings, the figures stay as sent."""
    async with ctx.transaction() as tx:
        claim = await _locked(ctx, tx, step)
        request = ApplyFinancialRules(
            lines=tuple(
                FinancialLine(line.sequence, line.quantity, line.unit_price, line.factor, line.tax, line.net)
                for line in claim.submission.lines
            ),
            total=claim.submission.total,
        )
        result = await ctx.call(request, FinancialResult)
        await _append_findings(ctx, tx, claim, "financial_rules", result.findings)
        return StepDone(f"{len(result.findings)} findings")


async def validate_policy(ctx: Context, step: StepInput) -> StepDone:
    """Find the cover and with it the payer; a claim without one goes on, since the payer has the last word."""
    async with ctx.transaction() as tx:
        claim = await _locked(ctx, tx, step)
        found = await ctx.call(cover_request(claim.submission, service_days(claim.submission)[0]), FoundCover)
        if not found.found or found.payer_organization_id is None:
            missing = Finding(
                "cover-found", "warning", "cover", found.reason or NO_COVER[0], found.reason_ar or NO_COVER[1]
            )
            await _append_findings(ctx, tx, claim, "policy_validation", [missing])
            return StepDone("no cover found")
        row = (
            claim.organization_id,
            claim.claim_id,
            await queries.next_number(tx, "claim_cover", claim.organization_id, claim.claim_id),
            found.payer_organization_id,
            found.member_id,
            found.policy_id,
            found.policy_class,
            found.status.value if found.status else "active",
            ctx.clock.now(),
        )
        await writes.append_cover(tx, row)
        return StepDone(f"cover {found.status.value if found.status else 'found'}")


async def sign(ctx: Context, step: StepInput) -> StepDone:
    """Sign what goes out with the organization's key."""
    async with ctx.transaction() as tx:
        await _locked(ctx, tx, step)
        claim = await load(ctx, tx, step.organization_id, UUID(step.key))
        content = SignedContent(claim.claim_id, claim.submission, claim.normalized_lines)
        signed = await ctx.call(SignDocument(step.organization_id, wire.dump(content)), SignedDocument)
        row = (
            claim.organization_id,
            claim.claim_id,
            await queries.next_number(tx, "claim_signature", claim.organization_id, claim.claim_id),
            signed.signature,
            signed.algorithm,
            signed.key_id,
            signed.digest,
            ctx.clock.now(),
        )
        await writes.append_signature(tx, row)
        return StepDone(signed.algorithm)


NO_COVER = ("no cover matches the claim", "لا توجد تغطية مطابقة للمطالبة")


def cover_request(submission: ClaimSubmission, day: date) -> FindCover:
    """Return the question for the cover that a submission is made on."""
    return FindCover(
        service_date=day,
        payer_license=submission.payer_license,
        member_number=submission.cover.member_id,
        policy_number=submission.cover.policy_number,
        identifiers=tuple(PersonIdentifier(one.system, one.value) for one in submission.subject.identifiers),
        birth_date=submission.subject.birth_date,
    )


class Locked(NamedTuple):
    """A claim whose row is locked, as it was submitted, without its attachments."""

    organization_id: UUID
    claim_id: UUID
    submission: ClaimSubmission


async def _locked(ctx: Context, tx: Transaction, step: StepInput) -> Locked:
    organization, claim_id = step.organization_id, UUID(step.key)
    row = await queries.lock_claim(tx, organization, claim_id)
    if row is None:
        raise Park(f"there is no claim {claim_id}")
    return Locked(organization, claim_id, unseal(ctx.vault, organization, claim_id, row["submission"]).submission)


async def _append_codes(ctx: Context, tx: Transaction, claim: Locked, codes: Iterable[NormalizedCode]) -> None:
    number = await queries.next_number(tx, "normalized_line", claim.organization_id, claim.claim_id)
    now = ctx.clock.now()
    await writes.append_codes(
        tx,
        [
            (
                claim.organization_id,
                claim.claim_id,
                number,
                code.sequence,
                code.system,
                code.code,
                code.display,
                code.display_ar,
                code.source.value,
                code.confidence,
                now,
            )
            for code in codes
        ],
    )


async def _append_findings(
    ctx: Context, tx: Transaction, claim: Locked, step: str, findings: Iterable[Finding]
) -> None:
    now = ctx.clock.now()
    rows = [
        (
            claim.organization_id,
            new_id(),
            claim.claim_id,
            step,
            one.rule,
            one.severity,
            one.path,
            one.detail,
            one.detail_ar,
            now,
        )
        for one in findings
    ]
    if rows:
        await writes.append_findings(tx, rows)


def _unrecognised(claim: Locked, code: NormalizedCode) -> Finding:
    place = next(place for place, line in enumerate(claim.submission.lines) if line.sequence == code.sequence)
    return Finding(
        rule="code-recognised",
        severity="warning",
        path=f"lines[{place}].codes[0]",
        detail=f"Code {code.code} is in no code system or mapping table that is known here; it stays as sent.",
        detail_ar=f"الرمز {code.code} غير موجود في أنظمة الترميز أو جداول المطابقة المعروفة؛ يبقى كما أُرسل.",
    )
