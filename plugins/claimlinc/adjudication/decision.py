"""Decide a submission: the rules in their fixed order (claimlinc.adjudication.rules), then the sums.

Lines are taken in the order of the claim, so they draw on the same deductible, co-pay caps and limits in that order.
"""

from collections.abc import Collection, Iterable
from datetime import date
from operator import attrgetter

from msgspec.structs import replace

from claimlinc.adjudication.balances import Authorized, Grants
from claimlinc.adjudication.benefit import pregnancies_of, whole_of
from claimlinc.adjudication.beside import look_beside
from claimlinc.adjudication.cover import CLAIM_RULES
from claimlinc.adjudication.emergencies import is_emergency
from claimlinc.adjudication.facts import Authorization, Facts, LineRuling
from claimlinc.adjudication.limits import draw
from claimlinc.adjudication.review import ruling_on
from claimlinc.adjudication.reviewed import decide_reviewed
from claimlinc.adjudication.rules import EDIT_RULES, ELIGIBILITY_RULES, MONEY_RULES, RULES_VERSION
from claimlinc.adjudication.service_rules import rules_for
from claimlinc.adjudication.work import PAID, ClaimWork, LineWork, Rule, look, trace_step
from claimlinc.contract import ClaimSubmission, Decision, Line, LineDecision, Outcome, Totals, TraceStep
from masterlinc.money import ZERO, Money, Quantity, exact, money
from policylinc.contract import BenefitUse, Terms

_REJECTED = Outcome.REJECTED
_FIGURES = attrgetter(*Totals.__struct_fields__)


def decide(submission: ClaimSubmission, facts: Facts, off: Collection[str] = ()) -> Decision:
    """Decide every line of a submission on what the payer knows; without terms nobody is covered.

    `off` names rules that do not look: a what-if, never a decision.
    """
    with exact():
        return _decide(submission, facts, off)


def _decide(submission: ClaimSubmission, facts: Facts, off: Collection[str]) -> Decision:
    if facts.terms is None:
        lines = tuple(_uncovered(submission, facts, line) for line in submission.lines)
        return _sum_up(lines, (), None)
    claim = _open(submission, facts, facts.terms, off)
    lines = tuple(_take_line(claim, line) for line in submission.lines)
    return _sum_up(lines, _claim_trace(submission, facts, submission.created), facts.preauth_ref)


def benefit_uses(decision: Decision) -> tuple[BenefitUse, ...]:
    """Return what a decision draws from each benefit; a pended claim draws nothing yet."""
    if decision.outcome is Outcome.PENDED:
        return ()
    uses: dict[str, BenefitUse] = {}
    for line in decision.lines:
        before = uses.get(line.benefit) or BenefitUse(line.benefit, ZERO, ZERO)
        uses[line.benefit] = BenefitUse(
            benefit=line.benefit,
            amount=money(before.amount + line.payer_share - line.payer_tax),
            deductible=money(before.deductible + line.deductible),
            count=before.count + line.approved_quantity,
            days=before.days + _days(line),
        )
    return tuple(use for use in uses.values() if use.amount or use.deductible or use.count or use.days)


def _days(line: LineDecision) -> int:
    """Return how many days of its benefit a line was the first to count."""
    if line.outcome not in PAID:
        return 0
    return next((int(step.inputs["days"]) for step in line.trace if step.rule == "service-limit"), 0)


def service_days(submission: ClaimSubmission) -> tuple[date, date]:
    """Return the first and the last day of service; a line without a day was served on the day of the claim."""
    days = [line.service_date or submission.created for line in submission.lines]
    return min(days, default=submission.created), max(days, default=submission.created)


def _open(submission: ClaimSubmission, facts: Facts, terms: Terms, off: Collection[str]) -> ClaimWork:
    benefits = {term.benefit: term for term in terms.benefits}
    return ClaimWork(
        submission=submission,
        facts=facts,
        terms=terms,
        benefits=benefits,
        whole=whole_of(submission),
        pregnancies=pregnancies_of(submission),
        rules=rules_for(submission, terms),
        prices={(price.system, price.code): price.amount for price in terms.prices},
        is_emergency=is_emergency(submission),
        deductible_left=_left(terms.deductible, terms.deductible_used),
        annual_left=_left(terms.annual_limit, terms.annual_used),
        grants=Grants(benefits),
        eligibility_rules=_looking(ELIGIBILITY_RULES, off),
        edit_rules=_looking(EDIT_RULES, off),
        money_rules=_looking(MONEY_RULES, off),
        authorized=_authorized(facts.authorizations),
        beside=look_beside(submission, facts, terms),
    )


def _looking(rules: tuple[Rule, ...], off: Collection[str]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.id not in off) if off else rules


def _authorized(authorizations: Iterable[Authorization]) -> list[Authorized]:
    """Return the authorized services, in the order of their references."""
    return [
        Authorized(
            reference=one.reference,
            valid_from=one.valid_from,
            valid_to=one.valid_to,
            codes=frozenset((coding.system, coding.code) for coding in line.codes),
            quantity=line.quantity_left,
            amount=line.amount_left,
        )
        for one in authorizations
        for line in one.lines
    ]


def _left(limit: Money, used: Money) -> Money:
    return money(max(limit - used, ZERO))


def _take_line(claim: ClaimWork, line: Line) -> LineDecision:
    """Decide a line; unless it is rejected, the edits hold later lines of the claim against it."""
    decided = _decide_line(claim, line)
    if decided.outcome is not _REJECTED:
        claim.beside.standing[line.sequence] = decided.benefit
    return decided


def _decide_line(claim: ClaimWork, line: Line) -> LineDecision:
    day = line.service_date or claim.submission.created
    work = LineWork(line, day, tuple([one.code for one in line.codes]), line.quantity, line.tax)
    ruling = ruling_on(claim, line)
    if ruling is not None:
        return _ruled(claim, work, ruling)
    look(claim.eligibility_rules, claim, work)
    if not work.stopped:
        look(claim.edit_rules, claim, work)
        work.stopped = work.outcome not in PAID
    if not work.stopped:
        look(claim.money_rules, claim, work)
        draw(claim, work)
    return _line_decision(work)


def _ruled(claim: ClaimWork, work: LineWork, ruling: LineRuling) -> LineDecision:
    reason = decide_reviewed(claim, work, ruling)
    line = _line_decision(work)
    return line if reason is None else replace(line, reason=reason[0], reason_ar=reason[1])


def _line_decision(work: LineWork) -> LineDecision:
    payer_share = Money(work.payer + work.payer_tax)
    paid = work.outcome in PAID
    return LineDecision(
        sequence=work.line.sequence,
        outcome=work.outcome,
        benefit=work.benefit,
        billed=work.line.net,
        allowed=work.allowed,
        deductible=work.deductible,
        copay=work.copay,
        tax=work.tax,
        payer_tax=work.payer_tax,
        payer_share=payer_share,
        patient_share=Money(work.allowed + work.tax - payer_share),
        approved_quantity=work.quantity if paid else Quantity(0),
        denial_code=work.denial_code,
        trace=tuple(work.trace),
        authorization=work.authorized.reference if work.authorized and paid else None,
    )


def _uncovered(submission: ClaimSubmission, facts: Facts, line: Line) -> LineDecision:
    day = line.service_date or submission.created
    work = LineWork(
        line=line,
        day=day,
        codes=(),
        quantity=line.quantity,
        billed_tax=line.tax,
        outcome=Outcome.REJECTED,
        denial_code="CV-2-1",
    )
    work.trace.extend(_claim_trace(submission, facts, day))
    return _line_decision(work)


def _claim_trace(submission: ClaimSubmission, facts: Facts, day: date) -> tuple[TraceStep, ...]:
    looked = ((rule, rule.run(submission, facts, day)) for rule in CLAIM_RULES)
    return tuple(trace_step(rule, found) for rule, found in looked if found is not None)


def _sum_up(lines: tuple[LineDecision, ...], trace: tuple[TraceStep, ...], preauth_ref: str | None) -> Decision:
    totals, outcome = _totals(lines), _outcome(lines)
    disposition, disposition_ar = _disposition(outcome, totals, sum(x.outcome is Outcome.PENDED for x in lines))
    return Decision(
        outcome=outcome,
        lines=lines,
        totals=totals,
        disposition=disposition,
        disposition_ar=disposition_ar,
        rules_version=RULES_VERSION,
        trace=trace,
        preauth_ref=None if outcome is Outcome.PENDED else preauth_ref,
    )


def _totals(lines: tuple[LineDecision, ...]) -> Totals:
    columns = zip(*map(_FIGURES, lines), strict=True) if lines else [()] * len(Totals.__struct_fields__)
    return Totals(*(money(sum(column, ZERO)) for column in columns))


def _outcome(lines: tuple[LineDecision, ...]) -> Outcome:
    outcomes = {line.outcome for line in lines}
    if not outcomes or Outcome.PENDED in outcomes:
        return Outcome.PENDED  # a claim is answered whole: one line that waits makes it wait
    return outcomes.pop() if len(outcomes) == 1 else Outcome.PARTIAL


def _disposition(outcome: Outcome, totals: Totals, pended: int) -> tuple[str, str]:
    payer, patient = totals.payer_share, totals.patient_share
    match outcome:
        case Outcome.APPROVED:
            return (
                f"Approved: SAR {payer} from the payer, SAR {patient} from the patient.",
                f"تمت الموافقة: {payer} ريال من الجهة الدافعة و{patient} ريال من المريض.",
            )
        case Outcome.PARTIAL:
            return (
                f"Approved in part: SAR {payer} from the payer, SAR {patient} from the patient of {totals.billed}.",
                f"موافقة جزئية: {payer} ريال من الجهة الدافعة و{patient} ريال من المريض من أصل {totals.billed} ريال.",
            )
        case Outcome.REJECTED:
            return (
                f"Rejected: the payer pays nothing of SAR {totals.billed} billed.",
                f"مرفوضة: لا تدفع الجهة الدافعة شيئاً من أصل {totals.billed} ريال.",
            )
    return (
        f"Pended: {pended} of the claim's lines wait for a person's decision.",
        f"معلقة: {pended} من بنود المطالبة بانتظار قرار مختص.",
    )
