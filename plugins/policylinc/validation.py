"""Answering whether a policy covers services for a patient."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from masterlinc import text
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid
from masterlinc.ids import new_id, show
from masterlinc.memory import Memory
from masterlinc.security.principal import NOBODY
from policylinc import money_wording, wording
from policylinc.classification import benefit_named, classify
from policylinc.contract import CoverStatus, Terms
from policylinc.estimate import Estimate, Question, estimate, no_cover
from policylinc.facts import Asked, Facts, choose, read_facts
from policylinc.patients import person_of
from policylinc.queries import payers_of_policy
from policylinc.reach import within_reach
from policylinc.records import cover_status
from policylinc.schemas import (
    Coverage,
    EligibilityAnswer,
    EligibilityQuestion,
    PolicyAnswer,
    PolicyQuestion,
    ServiceAnswer,
    ServiceQuestion,
)
from policylinc.service_day import service_day
from policylinc.wording import Words

_AGENT = "policylinc"
_REMEMBERED_FOR = timedelta(seconds=30)


class _Judged(NamedTuple):
    """The policy that was meant, its status on the day, and why nothing can be covered where that is so."""

    facts: Facts | None
    status: CoverStatus
    refusal: Words | None = None


class _Told(NamedTuple):
    """What is said of one service."""

    coverage: Coverage
    message: Words


async def validate_policy(ctx: Context, question: PolicyQuestion) -> PolicyAnswer:
    """Answer from the policy, the member's use and the payer's terms; the reading is audited at the payer."""
    asked = EligibilityQuestion(
        policy_number=question.policy_number,
        patient_id=question.patient_id,
        services=[ServiceQuestion(service_code=question.service_code, amount=question.amount)],
        service_date=question.service_date,
    )
    answer = await _eligibility(ctx, asked, one=True)
    (service,) = answer.services
    return PolicyAnswer(
        validation_id=answer.validation_id,
        policy_number=answer.policy_number,
        is_valid=answer.is_valid,
        status=answer.status,
        coverage=service.coverage,
        message=service.message,
        message_ar=service.message_ar,
        member_number=answer.member_number,
        validated_at=answer.validated_at,
    )


async def check_eligibility(ctx: Context, question: EligibilityQuestion) -> EligibilityAnswer:
    """Answer for many services of one patient and day by one reading, each as if it were the only one."""
    return await _eligibility(ctx, question, one=False)


async def _eligibility(ctx: Context, question: EligibilityQuestion, *, one: bool) -> EligibilityAnswer:
    _check(question, one=one)
    day = service_day(question.service_date, ctx.clock)
    person = await person_of(ctx, question.patient_id)
    reach = await payers_in_reach(ctx, question.policy_number)
    home, validation_id = ctx.principal.organization_id, new_id()
    provider = None if home in reach or home == NOBODY else home
    codes = [service.service_code for service in question.services]
    async with ctx.transaction(reach) as tx:
        found = await read_facts(ctx, tx, reach, Asked(question.policy_number, person, day, provider, codes))
        judged = _judge(question.policy_number, found, choose(found, ctx.principal.organizations, day), day)
        _audit(ctx, tx, judged.facts, {"validation_id": str(validation_id), "services": str(len(codes))})
    terms = judged.facts.terms(day) if judged.facts and judged.refusal is None else None
    told = [_tell(ctx, service, judged, terms, day) for service in question.services]
    arabic = ctx.language == "ar"
    return EligibilityAnswer(
        validation_id=validation_id,
        policy_number=question.policy_number,
        is_valid=judged.refusal is None,
        status=judged.status,
        services=[
            ServiceAnswer(
                service_code=service.service_code,
                amount=service.amount,
                coverage=one.coverage,
                message=one.message.ar if arabic else one.message.en,
                message_ar=one.message.ar,
            )
            for service, one in zip(question.services, told, strict=True)
        ],
        member_number=judged.facts.member.member_number if judged.facts and judged.facts.member else None,
        validated_at=ctx.clock.now(),
    )


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


def _judge(number: str, found: Sequence[Facts], chosen: Facts | None, day: date) -> _Judged:
    if chosen is None:
        return _Judged(
            None, CoverStatus.INACTIVE, wording.ambiguous_policy(number) if found else wording.unknown_policy(number)
        )
    status = cover_status(chosen.policy, chosen.member, day)
    if status is not CoverStatus.ACTIVE:
        return _Judged(chosen, status, wording.cover_not_active(chosen.policy, chosen.member, status, day))
    return _Judged(chosen, status, wording.not_a_member(number) if chosen.elsewhere else None)


def _audit(ctx: Context, tx: Transaction, facts: Facts | None, detail: dict[str, str]) -> None:
    if facts is None:  # who guesses numbers leaves a trace at home
        home = ctx.principal.organization_id
        tx.audit("policy.validated", "policy", "", organization_id=home, outcome="not-found", detail=detail)
        return
    tx.audit(
        "policy.validated",
        "policy",
        show("POL", facts.policy.id),
        organization_id=facts.policy.organization_id,
        patient=facts.member.id if facts.member else None,
        detail=detail,
    )


def _tell(ctx: Context, service: ServiceQuestion, judged: _Judged, terms: Terms | None, day: date) -> _Told:
    classified = classify(service.service_code)
    if terms is None:
        assert judged.refusal is not None, "without terms there is a reason"
        figures = no_cover(service.amount, judged.refusal, benefit_named(classified.benefit))
        limitations = [*figures.limitations]
    else:
        figures = estimate(Question(terms, service.service_code, classified.benefit, service.amount, day))
        limitations = [*figures.limitations, *_doubts(ctx, service, figures, judged, terms)]
    arabic = ctx.language == "ar"
    return _Told(
        Coverage(
            covered=figures.covered,
            coverage_percentage=figures.percentage,
            copay_amount=figures.copay,
            deductible_remaining=figures.deductible_remaining,
            authorization_required=figures.authorization_required,
            limitations=[words.ar if arabic else words.en for words in limitations],
            limitations_ar=[words.ar for words in limitations],
            benefit=figures.benefit.code,
            allowed_amount=figures.allowed,
            patient_share=figures.patient_share,
            payer_share=figures.payer_share,
        ),
        figures.message,
    )


def _doubts(
    ctx: Context, service: ServiceQuestion, figures: Estimate, judged: _Judged, terms: Terms
) -> Iterator[Words]:
    """Say what the answer rests on without knowing."""
    classified = classify(service.service_code)
    if not classified.rule and figures.benefit.code == classified.benefit:
        yield wording.code_unknown(figures.benefit)
    if judged.facts is None or judged.facts.member is None:
        yield wording.member_unknown()
    if ctx.principal.organization_id in (terms.payer_organization_id, NOBODY):
        yield wording.provider_unknown()
    if not terms.percent_of_billed and not any(price.code == service.service_code for price in terms.prices):
        yield money_wording.no_contract_price()


def _check(question: EligibilityQuestion, *, one: bool) -> None:
    """Refuse texts that cannot be numbers and amounts of nothing, all of them at once."""
    faults = [*_text_faults(("policy_number", question.policy_number), ("patient_id", question.patient_id))]
    for index, service in enumerate(question.services):
        at = "" if one else f"services[{index}]."
        faults += _text_faults((f"{at}service_code", service.service_code))
        if service.amount <= 0:
            detail, detail_ar = "The amount must be above zero", "يجب أن يكون المبلغ أكبر من صفر"
            faults.append(FieldError(f"{at}amount", "range", detail, detail_ar))
    if faults:
        raise Invalid(faults[0].detail, faults[0].detail_ar, errors=faults)


def _text_faults(*texts: tuple[str, str]) -> Iterator[FieldError]:
    for path, value in texts:
        try:
            text.clean_identifier(value)
        except ValueError:
            detail = "This is empty, too long, or holds characters that cannot be shown"
            detail_ar = "القيمة فارغة أو أطول من المسموح أو تحتوي على رموز غير ظاهرة"
            yield FieldError(path, "text", detail, detail_ar)
