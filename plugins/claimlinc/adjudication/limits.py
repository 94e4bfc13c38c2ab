"""What the payer's part may be at most: limits of the benefit, of those that it is a part of, and of the year."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal

from msgspec.structs import replace

from claimlinc.adjudication.balances import Bound, stay
from claimlinc.adjudication.work import PAID, Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome
from masterlinc.money import ZERO, Money, Quantity, money
from policylinc.contract import LimitKind, LimitPer

_COUNT, _DAYS, _YEAR = LimitKind.COUNT, LimitKind.DAYS, LimitPer.YEAR
_STEP = Decimal("0.0001")  # the finest quantity


def _service_limit(_: ClaimWork, work: LineWork) -> Finding:
    """Cut the quantity to what count and days limits leave, and the payer's part in proportion.

    The benefit's own limits and those of its parents are looked at together; the one that leaves least decides.
    Days are those from the first to the last day of the line that no line of the benefit in this claim has counted;
    of a stay that does not fit, as large a part of the quantity is paid as of the days. What is over falls to the
    patient.
    """
    assert work.grant is not None, "only a covered line gets here"
    work.new_days = work.grant.new_days(work.day, work.line.service_end)
    quantity, days = str(work.quantity), str(len(work.new_days))
    if not work.grant.services:
        return Finding("no-limit", {"benefit": work.benefit, "quantity": quantity, "days": days}, quantity)
    fits = [_fitting(one, work) for one in work.grant.services]
    fit = min(fits)
    bound = work.grant.services[fits.index(fit)]
    left = bound.open(work.day)
    inputs = {
        "benefit": work.benefit,
        "quantity": quantity,
        "days": days,
        "limit_of": bound.benefit,
        "rule_id": bound.rule_id,
        "kind": bound.kind,
        "per": bound.per,
        "limit": bound.value_text,
        "left": str(left),
        "payer": str(work.payer),
    }
    if fit >= work.quantity:
        return Finding("fits", inputs, str(work.quantity))
    approved = _counted(fit)
    work.payer = money(work.payer * fit / work.quantity) if approved else ZERO
    work.quantity = approved
    if bound.kind is _DAYS:
        work.new_days = work.new_days[: int(left)]
    inputs |= {"paid": str(work.payer), "days": str(len(work.new_days))}
    name = "cut" if approved else "exhausted"
    return Finding(f"{name}-{_SERVICE_CASE[bound.kind, bound.per]}", inputs, str(approved))


def _fitting(bound: Bound, work: LineWork) -> Decimal:
    """Return how many of a line's units fit into a limit; of a stay, those of its days that fit."""
    left = bound.open(work.day)
    if bound.kind is _COUNT:
        return min(work.quantity, left)
    new, fitting = len(work.new_days), int(left)
    if new <= fitting:
        return work.quantity
    days = len(stay(work.day, work.line.service_end))
    return work.quantity * (days - new + fitting) / days


def _counted(units: Decimal) -> Quantity:
    """Round units down to what a quantity can say."""
    counted, whole = units.quantize(_STEP, ROUND_DOWN), units.to_integral_value()
    return Quantity(whole if counted == whole else counted)


def _benefit_limit(_: ClaimWork, work: LineWork) -> Finding:
    """Cut the payer's part to what is left of the benefit's own limits; the excess falls to the patient.

    Limits count the payer's part before tax. A visit is one benefit on one day, an item is one line.
    """
    assert work.grant is not None, "only a covered line gets here"
    return _within(work, work.grant.own)


def _parent_limit(_: ClaimWork, work: LineWork) -> Finding:
    """Cut the payer's part to what is left of the limits of the benefits above: a part counts for them too."""
    assert work.grant is not None, "only a covered line gets here"
    return _within(work, work.grant.above)


def _within(work: LineWork, bounds: Sequence[Bound]) -> Finding:
    """Cut the payer's part to the least that some limits leave."""
    if not bounds:
        return Finding("no-limit", {"benefit": work.benefit}, "no-limit")
    bound = bounds[0] if len(bounds) == 1 else min(bounds, key=lambda one: one.open(work.day))
    inputs = {
        "benefit": work.benefit,
        "limit_of": bound.benefit,
        "rule_id": bound.rule_id,
        "per": bound.per,
        "limit": bound.value_text,
    }
    found = _cut(work, Money(bound.open(work.day)), inputs)
    yearly = bound.per is _YEAR or found.case == "fits"
    return found if yearly else replace(found, case=f"{found.case}-other")


def _annual_limit(claim: ClaimWork, work: LineWork) -> Finding:
    """Cut the payer's part to what is left of the policy's annual limit.

    Only now is taken from every balance what the line uses in the end: no limit counts what another one cut.
    """
    return _cut(work, claim.annual_left, {"limit": str(claim.terms.annual_limit)})


def _cut(work: LineWork, left: Money, inputs: dict[str, str]) -> Finding:
    """Cut the payer's part to what is left of a limit; the excess falls to the patient."""
    before = work.payer
    inputs["left"], inputs["payer"] = str(left), str(before)
    if before <= left:
        return Finding("fits", inputs, inputs["payer"])
    work.payer = left
    inputs["excess"] = str(before - left)
    return Finding("cut" if left else "exhausted", inputs, inputs["left"])


def draw(claim: ClaimWork, work: LineWork) -> None:
    """Take what a line uses in the end out of every balance: no limit counts what another one cut."""
    if work.outcome not in PAID or work.grant is None:
        return
    claim.annual_left = Money(max(claim.annual_left - work.payer, ZERO))
    for bound in (*work.grant.own, *work.grant.above):
        bound.draw(work.day, work.payer)
    for bound in work.grant.services:
        bound.draw(work.day, work.quantity if bound.kind is _COUNT else Decimal(len(work.new_days)))
    work.grant.days.update(work.new_days)
    if work.authorized is not None:
        work.authorized.quantity -= work.quantity
        work.authorized.amount -= work.allowed


_SERVICE_CASE = {
    (LimitKind.COUNT, LimitPer.YEAR): "policy",
    (LimitKind.COUNT, LimitPer.LIFETIME): "life",
    (LimitKind.COUNT, LimitPer.VISIT): "occurrence",
    (LimitKind.COUNT, LimitPer.ITEM): "occurrence",
    (LimitKind.DAYS, LimitPer.YEAR): "occurrence",
    (LimitKind.DAYS, LimitPer.LIFETIME): "occurrence",
    (LimitKind.DAYS, LimitPer.VISIT): "occurrence",
    (LimitKind.DAYS, LimitPer.ITEM): "occurrence",
}
_SERVICE_CODES = {"policy": "CV-3-4", "life": "CV-3-3", "occurrence": "CV-3-1"}


def _service_cases() -> dict[str, Case]:
    cut = (
        "Of the {limit_of} limit of {limit} {kind} {per} {left} were left: the payer pays for {result} of {quantity}"
        " units, SAR {paid} before tax, and the rest falls to the patient."
    )
    cut_ar = (
        "المتبقي من حد منفعة {limit_of} البالغ {limit} {kind} {per} هو {left}: تدفع الجهة الدافعة عن {result} من"
        " {quantity} وحدة مبلغ {paid} ريال قبل الضريبة ويتحمل المريض الباقي."
    )
    gone = "Nothing is left of the {limit_of} limit of {limit} {kind} {per}: the whole falls to the patient."
    gone_ar = "لم يتبقَّ شيء من حد منفعة {limit_of} البالغ {limit} {kind} {per}: يتحمل المريض كامل المبلغ."
    cases = {
        "no-limit": Case(
            "No limit counts the units or days of the {benefit} benefit.",
            "لا يوجد حد لعدد وحدات منفعة {benefit} أو أيامها.",
        ),
        "fits": Case(
            "{quantity} units on {days} new days fit into the {limit_of} limit of {limit} {kind} {per}:"
            " {left} were left.",
            "الكمية {quantity} في {days} من الأيام الجديدة ضمن حد منفعة {limit_of} البالغ {limit} {kind} {per}:"
            " المتبقي {left}.",
        ),
    }
    for name, code in _SERVICE_CODES.items():
        cases[f"cut-{name}"] = Case(cut, cut_ar, Outcome.PARTIAL, code)
        cases[f"exhausted-{name}"] = Case(gone, gone_ar, Outcome.REJECTED, code)
    return cases


def _cases(name: str, name_ar: str, per: str = " {per}") -> dict[str, Case]:
    """Return the cases of a limit in SAR by its name; one `per` something may be of another period than the year."""
    over = (
        f"SAR {{payer}} is more than the SAR {{left}} left of the {name} of SAR {{limit}}{per}:"
        " the payer pays SAR {result} before tax and SAR {excess} falls to the patient."
    )
    over_ar = (
        f"المبلغ {{payer}} ريال يتجاوز المتبقي {{left}} ريال من {name_ar} البالغ {{limit}} ريال{per}:"
        " تدفع الجهة الدافعة {result} ريال قبل الضريبة ويتحمل المريض {excess} ريال."
    )
    cases = {
        "fits": Case(
            f"SAR {{payer}} fits into the {name}: SAR {{left}} of SAR {{limit}}{per} was left.",
            f"المبلغ {{payer}} ريال ضمن {name_ar}: المتبقي {{left}} من {{limit}} ريال{per}.",
        ),
        "cut": Case(over, over_ar, Outcome.PARTIAL, "CV-1-8"),
        "exhausted": Case(over, over_ar, Outcome.REJECTED, "CV-1-8"),
    }
    if per:
        cases["cut-other"] = Case(over, over_ar, Outcome.PARTIAL, "CV-3-1")
        cases["exhausted-other"] = Case(over, over_ar, Outcome.REJECTED, "CV-3-1")
    return cases


LIMIT_RULES = (
    Rule(
        "service-limit",
        "1",
        Stage.MONEY,
        "The payer pays within the benefit's units and days",
        "تدفع الجهة الدافعة ضمن عدد الوحدات والأيام",
        "The count and days limits of the benefit and of its parents, and what the ledger holds of them.",
        _service_cases(),
        _service_limit,
    ),
    Rule(
        "benefit-limit",
        "2",
        Stage.MONEY,
        "The payer pays within the benefit's limit",
        "تدفع الجهة الدافعة ضمن حد المنفعة",
        "The policy class's limits of the benefit in SAR and what the ledger holds of them: the least that is left.",
        {
            "no-limit": Case("The {benefit} benefit has no limit of its own.", "لا يوجد حد خاص لمنفعة {benefit}."),
            **_cases("{benefit} limit", "حد منفعة {benefit}"),
        },
        _benefit_limit,
    ),
    Rule(
        "parent-limit",
        "1",
        Stage.MONEY,
        "The payer pays within the limits of the benefits that this one is a part of",
        "تدفع الجهة الدافعة ضمن حدود المنافع التي تنتمي إليها هذه المنفعة",
        "The limits in SAR of the benefit's parents and what the ledger holds of them: the least that is left.",
        {
            "no-limit": Case(
                "The {benefit} benefit is no part of one that has a limit.",
                "منفعة {benefit} ليست جزءاً من منفعة لها حد.",
            ),
            **_cases("{limit_of} limit", "حد منفعة {limit_of}"),
        },
        _parent_limit,
    ),
    Rule(
        "annual-limit",
        "2",
        Stage.MONEY,
        "The payer pays within the policy's annual limit",
        "تدفع الجهة الدافعة ضمن الحد السنوي",
        "The policy class's annual limit and what the ledger holds of it.",
        _cases("policy's annual limit", "الحد السنوي للوثيقة", per=""),
        _annual_limit,
    ),
)
