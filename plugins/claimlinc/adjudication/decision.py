"""Decide a submission: the rules in their fixed order, then the sums.

    1 cover-period   2 cover-status   3 birth-date   4 benefit-class   5 benefit-covered      all of them look
    6 arithmetic     7 contract-price 8 deductible   9 copay           10 benefit-limit
    11 annual-limit  12 tax-shares                                     only while the line stands

Lines are taken in the order of the claim, so they draw on the same deductible, co-pay caps and limits in that order.
"""

from collections.abc import Collection
from datetime import date

from msgspec.structs import replace

from claimlinc.adjudication.cover import CLAIM_RULES
from claimlinc.adjudication.facts import Facts, LineRuling
from claimlinc.adjudication.review import ruling_on
from claimlinc.adjudication.reviewed import decide_reviewed
from claimlinc.adjudication.rules import EDIT_RULES, ELIGIBILITY_RULES, MONEY_RULES, RULES_VERSION
from claimlinc.adjudication.work import ClaimWork, LineWork, apply, trace_step
from claimlinc.contract import ClaimSubmission, Decision, Line, LineDecision, Outcome, Totals, TraceStep
from masterlinc.money import ZERO, Money, Quantity, money
from policylinc.contract import BenefitUse, Terms


def decide(submission: ClaimSubmission, facts: Facts, off: Collection[str] = ()) -> Decision:
    """Decide every line of a submission on what the payer knows; without terms nobody is covered.

    `off` names rules that do not look: a what-if, never a decision.
    """
    if facts.terms is None:
        lines = tuple(_uncovered(submission, facts, line) for line in submission.lines)
        return _sum_up(lines, (), None)
    claim = _open(submission, facts, facts.terms)
    lines = tuple(_decide_line(claim, line, off) for line in submission.lines)
    return _sum_up(lines, _claim_trace(submission, facts, submission.created), facts.preauth_ref)


def benefit_uses(decision: Decision) -> tuple[BenefitUse, ...]:
    """Return what a decision draws from each benefit; a pended claim draws nothing yet."""
    if decision.outcome is Outcome.PENDED:
        return ()
    uses: dict[str, tuple[Money, Money]] = {}
    for line in decision.lines:
        amount, deductible = uses.get(line.benefit, (ZERO, ZERO))
        uses[line.benefit] = (
            money(amount + line.payer_share - line.payer_tax),
            money(deductible + line.deductible),
        )
    return tuple(
        BenefitUse(benefit=benefit, amount=amount, deductible=deductible)
        for benefit, (amount, deductible) in uses.items()
        if amount or deductible
    )


def service_days(submission: ClaimSubmission) -> tuple[date, date]:
    """Return the first and the last day of service; a line without a day was served on the day of the claim."""
    days = [line.service_date or submission.created for line in submission.lines]
    return min(days, default=submission.created), max(days, default=submission.created)


def _open(submission: ClaimSubmission, facts: Facts, terms: Terms) -> ClaimWork:
    return ClaimWork(
        submission=submission,
        facts=facts,
        terms=terms,
        benefits={term.benefit: term for term in terms.benefits},
        prices={(price.system, price.code): price.amount for price in terms.prices},
        deductible_left=_left(terms.deductible, terms.deductible_used),
        annual_left=_left(terms.annual_limit, terms.annual_used),
        limit_left={term.benefit: _left(term.limit, term.used) for term in terms.benefits if term.limit is not None},
    )


def _left(limit: Money, used: Money) -> Money:
    return money(max(limit - used, ZERO))


def _decide_line(claim: ClaimWork, line: Line, off: Collection[str]) -> LineDecision:
    work = LineWork(line=line, day=line.service_date or claim.submission.created)
    ruling = ruling_on(claim, line)
    if ruling is not None:
        return _ruled(claim, work, ruling)
    for rule in ELIGIBILITY_RULES:
        if rule.id not in off:
            apply(rule, claim, work)
    if not work.stopped:
        for rule in EDIT_RULES:
            if rule.id not in off:
                apply(rule, claim, work)
        work.stopped = work.outcome in (Outcome.REJECTED, Outcome.PENDED)
    for rule in MONEY_RULES:
        if work.stopped:
            break
        apply(rule, claim, work)
    return _line_decision(work)


def _ruled(claim: ClaimWork, work: LineWork, ruling: LineRuling) -> LineDecision:
    reason = decide_reviewed(claim, work, ruling)
    line = _line_decision(work)
    if ruling.quantity is not None and line.outcome is not Outcome.REJECTED:
        line = replace(line, approved_quantity=ruling.quantity)
    return line if reason is None else replace(line, reason=reason[0], reason_ar=reason[1])


def _line_decision(work: LineWork) -> LineDecision:
    payer_share = money(work.payer + work.payer_tax)
    paid = work.outcome in (Outcome.APPROVED, Outcome.PARTIAL)
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
        patient_share=money(work.allowed + work.tax - payer_share),
        approved_quantity=work.line.quantity if paid else Quantity(0),
        denial_code=work.denial_code,
        trace=tuple(work.trace),
    )


def _uncovered(submission: ClaimSubmission, facts: Facts, line: Line) -> LineDecision:
    day = line.service_date or submission.created
    work = LineWork(line=line, day=day, outcome=Outcome.REJECTED, denial_code="CV-2-1")
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
    return Totals(**{name: money(sum(getattr(line, name) for line in lines)) for name in Totals.__struct_fields__})


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
