"""Who pays how much of what is allowed."""

from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome
from masterlinc.money import Money, money


def _deductible(claim: ClaimWork, work: LineWork) -> Finding:
    left = claim.deductible_left
    work.deductible = min(left, work.allowed)
    claim.deductible_left = money(left - work.deductible)
    work.payer = money(work.allowed - work.deductible)
    inputs = {"deductible": str(claim.terms.deductible), "left": str(left), "allowed": str(work.allowed)}
    return Finding("open", inputs, str(work.deductible))


def _copay(claim: ClaimWork, work: LineWork) -> Finding:
    term = claim.benefits[work.benefit]
    full = min(work.payer, money(work.payer * term.copay_percent / 100))
    inputs = {"percent": str(term.copay_percent), "of": str(work.payer), "full": str(full)}
    found = "uncapped"
    work.copay = full
    if term.copay_cap is not None:
        visit = (work.benefit, work.day)
        left = claim.copay_left.get(visit, term.copay_cap)
        work.copay = min(full, left)
        claim.copay_left[visit] = money(left - work.copay)
        found = "per-visit"
        inputs |= {"cap_per_visit": str(term.copay_cap), "cap_left": str(left)}
    work.payer = money(work.payer - work.copay)
    return Finding(found, inputs, str(work.copay))


def _within(work: LineWork, left: Money, inputs: dict[str, str], limit: Money) -> Finding:
    """Cut the payer's part to what is left of a limit; the excess falls to the patient."""
    before = work.payer
    work.payer = min(before, left)
    inputs |= {"limit": str(limit), "left": str(left), "payer": str(before)}
    if work.payer == before:
        return Finding("fits", inputs, str(work.payer))
    inputs["excess"] = str(money(before - work.payer))
    return Finding("cut" if work.payer else "exhausted", inputs, str(work.payer))


def _benefit_limit(claim: ClaimWork, work: LineWork) -> Finding:
    term = claim.benefits[work.benefit]
    inputs = {"benefit": work.benefit, "rule_id": term.rule_id}
    if term.limit is None:
        return Finding("no-limit", inputs, "no-limit")
    return _within(work, claim.limit_left[work.benefit], inputs, term.limit)


def _annual_limit(claim: ClaimWork, work: LineWork) -> Finding:
    found = _within(work, claim.annual_left, {}, claim.terms.annual_limit)
    # Both limits count what is paid in the end, so they are drawn down only here.
    claim.annual_left = money(claim.annual_left - work.payer)
    if work.benefit in claim.limit_left:
        claim.limit_left[work.benefit] = money(claim.limit_left[work.benefit] - work.payer)
    return found


def _tax(_: ClaimWork, work: LineWork) -> Finding:
    line = work.line
    if work.billed:
        work.tax = min(line.tax, money(line.tax * work.allowed / work.billed))
    if work.allowed:
        work.payer_tax = min(work.tax, money(work.tax * work.payer / work.allowed))
    inputs = {
        "billed": str(work.billed),
        "billed_tax": str(line.tax),
        "allowed": str(work.allowed),
        "deductible": str(work.deductible),
        "copay": str(work.copay),
        "payer": str(work.payer),
        "patient": str(money(work.allowed - work.payer)),
        "tax": str(work.tax),
    }
    if not work.tax:
        return Finding("without-tax", inputs, str(work.payer_tax))
    inputs["patient_tax"] = str(money(work.tax - work.payer_tax))
    return Finding("with-tax", inputs, str(work.payer_tax))


def _limit_cases(name: str, name_ar: str) -> dict[str, Case]:
    """Return the cases of a limit in SAR by its name."""
    over = (
        f"SAR {{payer}} is more than the SAR {{left}} left of the {name} of SAR {{limit}}:"
        " the payer pays SAR {result} before tax and SAR {excess} falls to the patient."
    )
    over_ar = (
        f"المبلغ {{payer}} ريال يتجاوز المتبقي {{left}} ريال من {name_ar} البالغ {{limit}} ريال:"
        " تدفع الجهة الدافعة {result} ريال قبل الضريبة ويتحمل المريض {excess} ريال."
    )
    return {
        "fits": Case(
            f"SAR {{payer}} fits into the {name}: SAR {{left}} of SAR {{limit}} was left.",
            f"المبلغ {{payer}} ريال ضمن {name_ar}: المتبقي {{left}} من {{limit}} ريال.",
        ),
        "cut": Case(over, over_ar, Outcome.PARTIAL, "CV-1-8"),
        "exhausted": Case(over, over_ar, Outcome.REJECTED, "CV-1-8"),
    }


_SHARED = (
    "Of SAR {allowed} allowed the payer pays SAR {payer} and the patient SAR {patient}"
    " (deductible {deductible}, co-pay {copay})."
)
_SHARED_AR = (
    "من المبلغ المسموح به {allowed} ريال تدفع الجهة الدافعة {payer} ريال ويدفع المريض {patient} ريال"
    " (مبلغ التحمل {deductible}، نسبة التحمل {copay})."
)

SHARE_RULES = (
    Rule(
        "deductible",
        "1",
        Stage.MONEY,
        "The open part of the year's deductible falls to the patient",
        "يتحمل المريض المتبقي من مبلغ التحمل السنوي",
        "The policy class's deductible.",
        {
            "open": Case(
                "SAR {left} of the year's deductible of SAR {deductible} was open: the patient bears SAR {result}.",
                "المتبقي من مبلغ التحمل السنوي {deductible} ريال هو {left} ريال: يتحمل المريض {result} ريال.",
            )
        },
        _deductible,
    ),
    Rule(
        "copay",
        "1",
        Stage.MONEY,
        "The co-pay is a percentage with a cap per visit",
        "نسبة التحمل لها سقف لكل زيارة",
        "The policy class's co-pay for the benefit at this provider.",
        {
            "uncapped": Case(
                "Co-pay: {percent} % of SAR {of} is SAR {full}.",
                "نسبة التحمل: {percent}٪ من {of} ريال تساوي {full} ريال.",
            ),
            "per-visit": Case(
                "Co-pay: {percent} % of SAR {of} is SAR {full}; of the visit's cap of SAR {cap_per_visit} SAR"
                " {cap_left} was open: the patient pays SAR {result}.",
                "نسبة التحمل: {percent}٪ من {of} ريال تساوي {full} ريال، والمتبقي من سقف الزيارة {cap_per_visit} ريال"
                " هو {cap_left} ريال: يدفع المريض {result} ريال.",
            ),
        },
        _copay,
    ),
    Rule(
        "benefit-limit",
        "1",
        Stage.MONEY,
        "The payer pays within the benefit's limit",
        "تدفع الجهة الدافعة ضمن حد المنفعة",
        "The policy class's limit of the benefit and what the ledger holds of it.",
        {
            "no-limit": Case("The {benefit} benefit has no limit of its own.", "لا يوجد حد خاص لمنفعة {benefit}."),
            **_limit_cases("{benefit} limit", "حد منفعة {benefit}"),
        },
        _benefit_limit,
    ),
    Rule(
        "annual-limit",
        "1",
        Stage.MONEY,
        "The payer pays within the policy's annual limit",
        "تدفع الجهة الدافعة ضمن الحد السنوي",
        "The policy class's annual limit and what the ledger holds of it.",
        _limit_cases("policy's annual limit", "الحد السنوي للوثيقة"),
        _annual_limit,
    ),
    Rule(
        "tax-shares",
        "1",
        Stage.MONEY,
        "Tax is shared in proportion to the shares",
        "توزع الضريبة بنسبة الحصص",
        "A rule of this house: NPHIES asks for the tax of each line and says nothing on its shares.",
        {
            "without-tax": Case(_SHARED, _SHARED_AR),
            "with-tax": Case(
                f"{_SHARED} The tax of SAR {{tax}} follows: SAR {{result}} and SAR {{patient_tax}}.",
                f"{_SHARED_AR} وتتبعه الضريبة {{tax}} ريال: {{result}} و{{patient_tax}} ريال.",
            ),
        },
        _tax,
    ),
)
