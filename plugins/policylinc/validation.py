"""Answering whether a policy covers a service for a patient."""

from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from masterlinc import text
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid
from masterlinc.ids import new_id, show
from masterlinc.memory import Memory
from policylinc import wording
from policylinc.classification import benefit_named, classify
from policylinc.contract import CoverStatus
from policylinc.estimate import Estimate, Question, estimate, no_cover
from policylinc.facts import Facts, Match, match, read_facts
from policylinc.patients import person_of
from policylinc.policy_year import policy_year
from policylinc.queries import payers_of_policy
from policylinc.reach import within_reach
from policylinc.records import cover_status
from policylinc.schemas import Coverage, PolicyAnswer, PolicyQuestion
from policylinc.service_day import service_day
from policylinc.wording import Words

_AGENT = "policylinc"
_REMEMBERED_FOR = timedelta(seconds=30)


class _Verdict(NamedTuple):
    is_valid: bool
    status: CoverStatus
    estimate: Estimate
    match: Match


async def validate_policy(ctx: Context, question: PolicyQuestion) -> PolicyAnswer:
    """Answer from the policy, the member's use and the class's benefits; the reading is audited at the payer."""
    _check_texts(question)
    _check_amount(question)
    day = service_day(question.service_date, ctx.clock)
    person = await person_of(ctx, question.patient_id)
    reach = await payers_in_reach(ctx, question.policy_number)
    validation_id = new_id()
    async with ctx.transaction(reach) as tx:
        facts = await read_facts(ctx, tx, (reach, question.policy_number), person, day)
        verdict = _judge(question, facts, match(facts, ctx.principal.organizations, day), day)
        _audit(ctx, tx, verdict.match, {"validation_id": str(validation_id)})
    return _answer(ctx, question, verdict, validation_id)


async def payers_in_reach(ctx: Context, policy_number: str) -> frozenset[UUID]:
    """Return the payers with this policy number that the caller may ask about."""
    memory = _memory(ctx)
    payers = memory.get(policy_number)
    if payers is None:
        async with ctx.db.connection() as connection:  # one statement that needs no scope
            payers = await payers_of_policy(connection, policy_number)
        if payers:  # a number that nobody has may be given out at any moment; one that is given out stays
            memory.keep(payers, policy_number)
    return await within_reach(ctx, payers)


def _memory(ctx: Context) -> Memory[str, frozenset[UUID]]:
    """Return what this process remembers of whose a policy number is; what it says of a policy is always read."""
    memory: Memory[str, frozenset[UUID]] | None = ctx.services.kept.get(_AGENT)
    if memory is None:
        memory = ctx.services.kept[_AGENT] = Memory(ctx.clock, _REMEMBERED_FOR)
    return memory


def _judge(question: PolicyQuestion, facts: Facts, found: Match, day: date) -> _Verdict:
    policy, member = found.policy, found.member
    number, amount = question.policy_number, question.amount
    if policy is None:
        message = wording.ambiguous_policy(number) if facts.policies else wording.unknown_policy(number)
        return _Verdict(False, CoverStatus.INACTIVE, no_cover(amount, message), found)
    status = cover_status(policy, member, day)
    if status is not CoverStatus.ACTIVE:
        message = wording.cover_not_active(policy, member, status, day)
        return _Verdict(False, status, no_cover(amount, message), found)
    if found.elsewhere:
        return _Verdict(False, status, no_cover(amount, wording.not_a_member(number)), found)
    benefit = benefit_named(classify(question.service_code).benefit)
    used = facts.used_by(member, policy_year(policy.effective_date, day))
    rules = {rule.benefit: rule for rule in facts.benefits_of(policy)}
    asked = Question(policy, benefit, amount, rules.get(benefit.code), used)
    return _Verdict(True, status, estimate(asked), found)


def _audit(ctx: Context, tx: Transaction, found: Match, detail: dict[str, str]) -> None:
    if found.policy is None:  # who guesses numbers leaves a trace at home
        home = ctx.principal.organization_id
        tx.audit("policy.validated", "policy", "", organization_id=home, outcome="not-found", detail=detail)
        return
    tx.audit(
        "policy.validated",
        "policy",
        show("POL", found.policy.id),
        organization_id=found.policy.organization_id,
        patient=found.member.id if found.member else None,
        detail=detail,
    )


def _answer(ctx: Context, question: PolicyQuestion, verdict: _Verdict, validation_id: UUID) -> PolicyAnswer:
    figures, classified = verdict.estimate, classify(question.service_code)
    limitations = [*figures.limitations, *_doubts(question, verdict)]
    arabic = ctx.language == "ar"
    return PolicyAnswer(
        validation_id=validation_id,
        policy_number=question.policy_number,
        is_valid=verdict.is_valid,
        status=verdict.status,
        coverage=Coverage(
            covered=figures.covered,
            coverage_percentage=figures.percentage,
            copay_amount=figures.copay,
            deductible_remaining=figures.deductible_remaining,
            authorization_required=figures.authorization_required,
            limitations=[words.ar if arabic else words.en for words in limitations],
            limitations_ar=[words.ar for words in limitations],
            benefit=classified.benefit,
            patient_share=figures.patient_share,
            payer_share=figures.payer_share,
        ),
        message=figures.message.ar if arabic else figures.message.en,
        message_ar=figures.message.ar,
        member_number=verdict.match.member.member_number if verdict.match.member else None,
        validated_at=ctx.clock.now(),
    )


def _doubts(question: PolicyQuestion, verdict: _Verdict) -> list[Words]:
    """Say what the answer rests on without knowing."""
    if not verdict.is_valid:
        return []
    classified = classify(question.service_code)
    doubts = [] if classified.rule else [wording.code_unknown(benefit_named(classified.benefit))]
    return doubts if verdict.match.member else [*doubts, wording.member_unknown()]


def _check_texts(question: PolicyQuestion) -> None:
    for name in ("policy_number", "patient_id", "service_code"):
        try:
            text.clean_identifier(getattr(question, name))
        except ValueError:
            detail = "This is empty, too long, or holds characters that cannot be shown"
            detail_ar = "القيمة فارغة أو أطول من المسموح أو تحتوي على رموز غير ظاهرة"
            raise Invalid(detail, detail_ar, errors=[FieldError(name, "text", detail, detail_ar)]) from None


def _check_amount(question: PolicyQuestion) -> None:
    if question.amount <= 0:
        detail, detail_ar = "The amount must be above zero", "يجب أن يكون المبلغ أكبر من صفر"
        raise Invalid(detail, detail_ar, errors=[FieldError("amount", "range", detail, detail_ar)])
