"""Answering whether a policy covers a service for a patient."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid
from masterlinc.ids import new_id, show
from policylinc import wording
from policylinc.classification import benefit_named, classify
from policylinc.contract import CoverStatus
from policylinc.estimate import Estimate, Question, estimate, no_cover
from policylinc.matching import best_of, matching_members
from policylinc.patients import person_of
from policylinc.persons import Person
from policylinc.policy_year import policy_year
from policylinc.queries import balances, benefits_on, payers_of_policy, policies_by_number
from policylinc.reach import within_reach
from policylinc.records import MemberRow, PolicyRow, cover_status
from policylinc.schemas import Coverage, PolicyAnswer, PolicyQuestion
from policylinc.service_day import service_day
from policylinc.wording import Words


class Match(NamedTuple):
    """A policy and whom the patient was taken for; `elsewhere`: insured by the payer under another policy."""

    policy: PolicyRow | None
    member: MemberRow | None = None
    elsewhere: bool = False


class _Verdict(NamedTuple):
    is_valid: bool
    status: CoverStatus
    estimate: Estimate
    match: Match


async def validate_policy(ctx: Context, question: PolicyQuestion) -> PolicyAnswer:
    """Answer from the policy, the member's use and the class's benefits; the reading is audited at the payer."""
    _check_amount(question)
    day = service_day(question.service_date, ctx.clock)
    person = await person_of(ctx, question.patient_id)
    reach = await payers_in_reach(ctx, question.policy_number)
    validation_id = new_id()
    async with ctx.transaction(reach) as tx:
        match = await match_policy(ctx, tx, (reach, question.policy_number), person, day)
        verdict = await _judge(tx, question, match, day, known=bool(reach))
        _audit(ctx, tx, match, {"validation_id": str(validation_id)})
    return _answer(ctx, question, verdict, validation_id)


async def payers_in_reach(ctx: Context, policy_number: str) -> frozenset[UUID]:
    """Return the payers with this policy number that the caller may ask about."""
    async with ctx.transaction() as tx:
        payers = await payers_of_policy(tx, policy_number)
    return await within_reach(ctx, payers)


async def match_policy(
    ctx: Context, tx: Transaction, where: tuple[frozenset[UUID], str], person: Person, day: date
) -> Match:
    """Find the policy of a number, and the patient among its members."""
    reach, policy_number = where
    policies = await policies_by_number(tx, reach, policy_number)
    members = await matching_members(ctx.vault, tx, reach, person)
    by_id = {policy.id: policy for policy in policies}
    member = best_of([one for one in members if one.policy_id in by_id], day)
    if member is not None:
        return Match(by_id[member.policy_id], member)
    policy = _only(ctx, policies)
    if policy is None:
        return Match(None)
    return Match(policy, None, any(one.organization_id == policy.organization_id for one in members))


def _only(ctx: Context, policies: Sequence[PolicyRow]) -> PolicyRow | None:
    """Return the one policy that is meant: of several payers' the caller's own."""
    own = [policy for policy in policies if policy.organization_id in ctx.principal.organizations]
    candidates = own or policies
    return candidates[0] if len(candidates) == 1 else None


async def _judge(tx: Transaction, question: PolicyQuestion, match: Match, day: date, *, known: bool) -> _Verdict:
    policy, member = match.policy, match.member
    number, amount = question.policy_number, question.amount
    if policy is None:
        message = wording.ambiguous_policy(number) if known else wording.unknown_policy(number)
        return _Verdict(False, CoverStatus.INACTIVE, no_cover(amount, message), match)
    status = cover_status(policy, member, day)
    if status is not CoverStatus.ACTIVE:
        message = wording.cover_not_active(policy, member, status, day)
        return _Verdict(False, status, no_cover(amount, message), match)
    if match.elsewhere:
        return _Verdict(False, status, no_cover(amount, wording.not_a_member(number)), match)
    benefit = benefit_named(classify(question.service_code).benefit)
    year = policy_year(policy.effective_date, day)
    used = await balances(tx, policy.organization_id, member.id, year) if member else {}
    rules = {rule.benefit: rule for rule in await benefits_on(tx, policy, day)}
    asked = Question(policy, benefit, amount, rules.get(benefit.code), used)
    return _Verdict(True, status, estimate(asked), match)


def _audit(ctx: Context, tx: Transaction, match: Match, detail: dict[str, str]) -> None:
    if match.policy is None:  # who guesses numbers leaves a trace at home
        home = ctx.principal.organization_id
        tx.audit("policy.validated", "policy", "", organization_id=home, outcome="not-found", detail=detail)
        return
    tx.audit(
        "policy.validated",
        "policy",
        show("POL", match.policy.id),
        organization_id=match.policy.organization_id,
        patient=match.member.id if match.member else None,
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


def _check_amount(question: PolicyQuestion) -> None:
    if question.amount <= 0:
        detail, detail_ar = "The amount must be above zero", "يجب أن يكون المبلغ أكبر من صفر"
        raise Invalid(detail, detail_ar, errors=[FieldError("amount", "range", detail, detail_ar)])
