"""Claims as they are shown; every claim that is shown leaves an audit row in the same transaction."""

from typing import Any
from uuid import UUID

from claimlinc import chain_queries, queries
from claimlinc.adjudication.words import spoken
from claimlinc.contract import (
    AnswerError,
    ClaimStatus,
    DecidedSubmission,
    Line,
)
from claimlinc.schemas import (
    AdjudicatedTotals,
    AdjudicationSeen,
    AnswerFault,
    ClaimDetail,
    ClaimSeen,
    ClaimView,
    DecidedLine,
    FindingView,
    LineView,
    PayerAdjudicationView,
    PayerClaimView,
    StepView,
)
from claimlinc.service import audiences
from claimlinc.service.deciding import load_decision
from claimlinc.service.snapshot import Snapshot, unseal
from claimlinc.service.workflow import CLAIM, CLAIM_NAME
from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.money import Money, Quantity, money
from masterlinc.workflow.states import StepState, steps_of_many

COUNTED = 1000  # totals are exact to here
_STATUS = {"pending": "pending", "running": "processing", "done": "completed", "parked": "failed"}
_TOTALS = AdjudicatedTotals.__struct_fields__


async def show_claim(ctx: Context, reference: str) -> ClaimSeen:
    """Return a claim that the caller may see, as its provider or as its payer; raises NotFound."""
    claim_id = ids.parse("CLM", reference)
    async with ctx.transaction() as tx:
        row = await _seen(tx, claim_id)
        steps = await steps_of_many(tx, CLAIM_NAME, [str(claim_id)])
        normalized = await queries.last_normalized(tx, row["organization_id"], claim_id)
        found = await queries.findings(tx, row["organization_id"], claim_id)
        _audit(tx, row, "claim.read")
        snapshot = _open(ctx, row)
        view = _view(row, snapshot, steps.get(str(claim_id), []))
        known = {one["sequence"]: one for one in normalized if one["source"] != "none"}
        view.lines = [_line(line, known.get(line.sequence)) for line in snapshot.submission.lines]
        view.corrects = [ids.show("CLM", one) for one in await chain_queries.corrected(tx, *_key(row))]
        by = await chain_queries.corrected_by(tx, *_key(row))
        view.corrected_by = ids.show("CLM", by) if by else None
        view.findings = [FindingView(*one.values()) for one in found]
        return view if _is_own(tx, row) else audiences.for_payer(view, snapshot.submission.cover.member_id)


async def list_claims(
    ctx: Context, status_filter: str | None, *, limit: int, offset: int
) -> tuple[list[ClaimView] | list[PayerClaimView], int]:
    """Return a page of the claims that the caller may see, the newest first, and their number, counted to 1,001.

    A page with a claim of another's is one for its payer.
    """
    status = _status(status_filter)
    async with ctx.transaction() as tx:
        rows = await queries.seen_claims(tx, status, limit, offset)
        counted = await queries.count_claims(tx, status, COUNTED + 1)
        steps = await steps_of_many(tx, CLAIM_NAME, [str(row["id"]) for row in rows])
        for row in rows:
            _audit(tx, row, "claim.list")
        own = all(_is_own(tx, row) for row in rows)
        snapshots = [_open(ctx, row) for row in rows]
    views = [_view(row, one, steps.get(str(row["id"]), [])) for row, one in zip(rows, snapshots, strict=True)]
    if own:
        return [audiences.cut(view, ClaimView) for view in views], counted
    members = [one.submission.cover.member_id for one in snapshots]
    seen = [audiences.for_payer(view, member) for view, member in zip(views, members, strict=True)]
    return [audiences.cut(view, PayerClaimView) for view in seen], counted


async def show_adjudication(ctx: Context, reference: str) -> AdjudicationSeen:
    """Return what was decided about a claim: all of it to who decided, the explanation to others; raises NotFound."""
    claim_id = ids.parse("CLM", reference)
    async with ctx.transaction() as tx:
        row = await _seen(tx, claim_id)
        _audit(tx, row, "claim.read")
        view = _undecided(ids.show("CLM", claim_id), row["status"])
        answer = await queries.last_answer(tx, row["organization_id"], claim_id)
        if answer is None:
            return audiences.explained(view)
        view.disposition, view.preauth_ref = answer["disposition"], answer["preauth_ref"]
        view.decided_at = answer["answered_at"]
        view.errors = [
            AnswerFault(one.code, one.detail, one.detail_ar, one.path)
            for one in wire.load(answer["errors"], tuple[AnswerError, ...])
        ]
        codes = {line.sequence: line.codes[0].code for line in _open(ctx, row).submission.lines}
        decided = await load_decision(tx, answer["payer_decision_id"]) if answer["payer_decision_id"] else None
        if decided is not None:
            _fill_decision(view, decided, codes)
            if not _is_own(tx, row):  # beside its provider, a decision's row is its payer's alone
                return view
        elif answer["status"] not in {ClaimStatus.ERROR, ClaimStatus.PENDED}:
            lines = await queries.answer_lines(tx, row["organization_id"], claim_id, answer["number"])
            _fill_answer(view, answer["status"], lines, codes)
        return audiences.explained(view)


def payer_view(claim_id: str, status: str, decided: DecidedSubmission, codes: dict[int, str]) -> PayerAdjudicationView:
    """Return a decision as the payer who made it sees it."""
    view = _undecided(claim_id, status)
    _fill_decision(view, decided, codes)
    return view


async def _seen(tx: Transaction, claim_id: Any) -> Any:
    row = await queries.seen_claim(tx, claim_id)
    if row is None:
        raise NotFound
    return row


def _key(row: Any) -> tuple[UUID, UUID]:
    return row["organization_id"], row["id"]


def _open(ctx: Context, row: Any) -> Snapshot:
    return unseal(ctx.vault, row["organization_id"], row["id"], row["submission"])


def _audit(tx: Transaction, row: Any, action: str) -> None:
    tx.audit(
        action,
        "claim",
        ids.show("CLM", row["id"]),
        organization_id=row["organization_id"],
        patient=row["patient_id"],
    )


def _status(text: str | None) -> str | None:
    if not text:
        return None
    if text in {status.value for status in ClaimStatus}:
        return text
    known = ", ".join(status.value for status in ClaimStatus)
    error = FieldError("status_filter", "choice", f"One of {known} is expected", f"القيم المسموح بها: {known}")
    raise Invalid(f"status_filter: {error.detail}", f"status_filter: {error.detail_ar}", errors=[error])


def _view(row: Any, snapshot: Snapshot, steps: list[StepState]) -> ClaimDetail:
    submission = snapshot.submission
    finished = [step.finished_at for step in steps if step.finished_at]
    return ClaimDetail(
        claim_id=ids.show("CLM", row["id"]),
        patient_id=_patient(snapshot),
        provider_id=snapshot.provider_reference or row["provider_license"] or ids.show("ORG", row["organization_id"]),
        service_code=submission.lines[0].codes[0].code,
        amount=Money(row["total"]),
        status=row["status"],
        submitted_at=row["submitted_at"],
        updated_at=max([row["submitted_at"], row["status_at"], *finished]),
        claim_number=row["identifier_value"],
        claim_type=submission.claim_type.value,
        use=submission.use.value,
        workflow_steps=_steps(row, steps),
    )


def _is_own(tx: Transaction, row: Any) -> bool:
    """Say whether a claim is the caller's own; else it is seen as addressed to them."""
    return row["organization_id"] in tx.organizations


def _patient(snapshot: Snapshot) -> str:
    submission = snapshot.submission
    if snapshot.patient_reference:
        return snapshot.patient_reference
    if submission.patient_id:
        return ids.show("PAT", submission.patient_id)
    return submission.subject.identifiers[0].value if submission.subject.identifiers else ""


def _steps(row: Any, steps: list[StepState]) -> list[StepView]:
    """Return the claim's stages; `submitted` was done with the claim's own commit."""
    if not steps:
        later = [StepView(step.name, "pending", None) for step in CLAIM.steps]
    else:
        later = [_step(one) for one in steps]
    return [StepView("submitted", "completed", row["submitted_at"]), *later]


def _step(step: StepState) -> StepView:
    status: Any = _STATUS[step.status]
    return StepView(step.name, status, step.finished_at or step.started_at, step.error)


def _line(line: Line, normalized: Any) -> LineView:
    return LineView(
        sequence=line.sequence,
        service_code=line.codes[0].code,
        quantity=line.quantity,
        unit_price=line.unit_price,
        tax=line.tax,
        net=line.net,
        service_date=line.service_date,
        normalized_code=normalized["code"] if normalized else None,
        normalized_system=normalized["system"] if normalized else None,
    )


def _undecided(claim_id: str, status: str) -> PayerAdjudicationView:
    return PayerAdjudicationView(
        claim_id=claim_id,
        status=status,
        outcome=None,
        lines=[],
        totals=None,
        disposition=None,
        disposition_ar=None,
        preauth_ref=None,
        decided_at=None,
        rules_version=None,
        decision_number=None,
        reissue_reason=None,
        trace=(),
        errors=[],
    )


def _fill_decision(view: PayerAdjudicationView, decided: DecidedSubmission, codes: dict[int, str]) -> None:
    decision = decided.decision
    view.decided_at = decided.decided_at
    view.decision_number, view.reissue_reason = decided.number, decided.reissue_reason
    view.outcome, view.rules_version = decision.outcome.value, decision.rules_version
    view.trace = spoken(decision.trace)
    view.disposition, view.disposition_ar = decision.disposition, decision.disposition_ar
    view.preauth_ref = decision.preauth_ref or view.preauth_ref
    view.totals = AdjudicatedTotals(*(getattr(decision.totals, name) for name in _TOTALS))
    view.lines = [
        DecidedLine(
            sequence=line.sequence,
            service_code=codes.get(line.sequence, ""),
            outcome=line.outcome.value,
            benefit=line.benefit or None,
            billed=line.billed,
            allowed=line.allowed,
            deductible=line.deductible,
            copay=line.copay,
            tax=line.tax,
            payer_share=line.payer_share,
            patient_share=line.patient_share,
            approved_quantity=line.approved_quantity,
            denial_code=line.denial_code,
            reason=line.reason,
            reason_ar=line.reason_ar,
            trace=spoken(line.trace),
        )
        for line in decision.lines
    ]


def _fill_answer(view: PayerAdjudicationView, status: str, rows: list[Any], codes: dict[int, str]) -> None:
    """Show the figures of a payer that lives elsewhere: it sends amounts and a code, no rules."""
    view.outcome = status
    view.totals = AdjudicatedTotals(*(money(sum(row[name] for row in rows)) for name in _TOTALS))
    view.lines = [_answer_line(row, codes.get(row["sequence"], "")) for row in rows]


def _answer_line(row: Any, code: str) -> DecidedLine:
    denial = row["denial_code"]
    because, because_ar = (f", code {denial}", f"، الرمز {denial}") if denial else ("", "")
    return DecidedLine(
        sequence=row["sequence"],
        service_code=code,
        outcome=row["outcome"],
        benefit=None,
        **{name: Money(row[name]) for name in _TOTALS},
        approved_quantity=Quantity.parse(row["approved_quantity"]),
        denial_code=denial,
        reason=f"The payer answered {row['outcome']}{because}: SAR {row['payer_share']} of SAR {row['billed']} billed.",
        reason_ar=(
            f"رد الجهة الدافعة: {_OUTCOME_AR[row['outcome']]}{because_ar}: {row['payer_share']} من أصل"
            f" {row['billed']} ريال."
        ),
        trace=(),
    )


_OUTCOME_AR = {"approved": "موافقة", "partial": "موافقة جزئية", "rejected": "رفض", "pended": "معلق"}
