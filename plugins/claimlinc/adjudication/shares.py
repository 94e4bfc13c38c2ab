"""Who pays how much of what is allowed."""

from claimlinc.adjudication.benefit import BENEFIT_NAMES
from claimlinc.adjudication.work import ClaimWork, Finding, LineWork, Rule, Ruling, Stage, percent
from claimlinc.contract import Outcome
from masterlinc.money import Money, money


def _deductible(claim: ClaimWork, work: LineWork) -> Finding:
    left = claim.deductible_left
    work.deductible = min(left, work.allowed)
    claim.deductible_left = money(left - work.deductible)
    work.payer = money(work.allowed - work.deductible)
    inputs = {"deductible": str(claim.terms.deductible), "left": str(left), "allowed": str(work.allowed)}
    return Finding(
        inputs,
        str(work.deductible),
        f"SAR {left} of the year's deductible of SAR {claim.terms.deductible} was open: the patient bears"
        f" SAR {work.deductible}.",
        f"المتبقي من مبلغ التحمل السنوي {claim.terms.deductible} ريال هو {left} ريال: يتحمل المريض"
        f" {work.deductible} ريال.",
    )


def _copay(claim: ClaimWork, work: LineWork) -> Finding:
    term = claim.benefits[work.benefit]
    full = min(work.payer, money(work.payer * term.copay_percent / 100))
    inputs = {"percent": str(term.copay_percent), "of": str(work.payer), "cap_per_visit": str(term.copay_cap or "")}
    rate = percent(term.copay_percent)
    if term.copay_cap is None:
        work.copay = full
        text = f"Co-pay: {rate} % of SAR {work.payer} is SAR {full}."
        text_ar = f"نسبة التحمل: {rate}٪ من {work.payer} ريال تساوي {full} ريال."
    else:
        visit = (work.benefit, work.day)
        left = claim.copay_left.get(visit, term.copay_cap)
        work.copay = min(full, left)
        claim.copay_left[visit] = money(left - work.copay)
        inputs["cap_per_visit"], inputs["cap_left"] = str(term.copay_cap), str(left)
        text = (
            f"Co-pay: {rate} % of SAR {work.payer} is SAR {full}; of the visit's cap of SAR {term.copay_cap}"
            f" SAR {left} was open: the patient pays SAR {work.copay}."
        )
        text_ar = (
            f"نسبة التحمل: {rate}٪ من {work.payer} ريال تساوي {full} ريال، والمتبقي من سقف الزيارة"
            f" {term.copay_cap} ريال هو {left} ريال: يدفع المريض {work.copay} ريال."
        )
    work.payer = money(work.payer - work.copay)
    return Finding(inputs, str(work.copay), text, text_ar)


def _within(work: LineWork, left: Money, inputs: dict[str, str], limit: Money, names: tuple[str, str]) -> Finding:
    """Cut the payer's part to what is left of a limit; the excess falls to the patient."""
    before = work.payer
    work.payer = min(before, left)
    name, name_ar = names
    inputs |= {"limit": str(limit), "left": str(left), "payer": str(before)}
    if work.payer == before:
        return Finding(
            inputs,
            str(work.payer),
            f"SAR {before} fits into the {name}: SAR {left} of SAR {limit} was left.",
            f"المبلغ {before} ريال ضمن {name_ar}: المتبقي {left} من {limit} ريال.",
        )
    excess = money(before - work.payer)
    return Finding(
        inputs,
        str(work.payer),
        f"SAR {before} is more than the SAR {left} left of the {name} of SAR {limit}: the payer pays SAR {work.payer}"
        f" before tax and SAR {excess} falls to the patient.",
        f"المبلغ {before} ريال يتجاوز المتبقي {left} ريال من {name_ar} البالغ {limit} ريال: تدفع الجهة الدافعة"
        f" {work.payer} ريال قبل الضريبة ويتحمل المريض {excess} ريال.",
        Ruling(Outcome.PARTIAL if work.payer else Outcome.REJECTED, "CV-1-8"),
    )


def _benefit_limit(claim: ClaimWork, work: LineWork) -> Finding:
    term = claim.benefits[work.benefit]
    name, name_ar = BENEFIT_NAMES[work.benefit]
    inputs = {"benefit": work.benefit, "rule_id": term.rule_id}
    if term.limit is None:
        return Finding(
            inputs,
            "no-limit",
            f"The {name} benefit has no limit of its own.",
            f"لا يوجد حد خاص لمنفعة {name_ar}.",
        )
    left = claim.limit_left[work.benefit]
    return _within(work, left, inputs, term.limit, (f"{name} limit", f"حد منفعة {name_ar}"))


def _annual_limit(claim: ClaimWork, work: LineWork) -> Finding:
    found = _within(
        work, claim.annual_left, {}, claim.terms.annual_limit, ("policy's annual limit", "الحد السنوي للوثيقة")
    )
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
    patient = money(work.allowed - work.payer)
    inputs = {
        "billed": str(work.billed),
        "billed_tax": str(line.tax),
        "allowed": str(work.allowed),
        "payer": str(work.payer),
        "patient": str(patient),
        "tax": str(work.tax),
    }
    text, text_ar = _summary(work, patient)
    return Finding(inputs, str(work.payer_tax), text, text_ar)


def _summary(work: LineWork, patient: Money) -> tuple[str, str]:
    """Say who pays what; tax is named only where there is some."""
    parts = f"deductible {work.deductible}, co-pay {work.copay}"
    parts_ar = f"مبلغ التحمل {work.deductible}، نسبة التحمل {work.copay}"
    text = f"Of SAR {work.allowed} allowed the payer pays SAR {work.payer} and the patient SAR {patient} ({parts})."
    text_ar = (
        f"من المبلغ المسموح به {work.allowed} ريال تدفع الجهة الدافعة {work.payer} ريال ويدفع المريض {patient} ريال"
        f" ({parts_ar})."
    )
    if not work.tax:
        return text, text_ar
    patient_tax = money(work.tax - work.payer_tax)
    return (
        f"{text} The tax of SAR {work.tax} follows: SAR {work.payer_tax} and SAR {patient_tax}.",
        f"{text_ar} وتتبعه الضريبة {work.tax} ريال: {work.payer_tax} و{patient_tax} ريال.",
    )


SHARE_RULES = (
    Rule(
        "deductible",
        "1",
        Stage.MONEY,
        "The open part of the year's deductible falls to the patient",
        "يتحمل المريض المتبقي من مبلغ التحمل السنوي",
        _deductible,
    ),
    Rule(
        "copay",
        "1",
        Stage.MONEY,
        "The co-pay is a percentage with a cap per visit",
        "نسبة التحمل لها سقف لكل زيارة",
        _copay,
    ),
    Rule(
        "benefit-limit",
        "1",
        Stage.MONEY,
        "The payer pays within the benefit's limit",
        "تدفع الجهة الدافعة ضمن حد المنفعة",
        _benefit_limit,
    ),
    Rule(
        "annual-limit",
        "1",
        Stage.MONEY,
        "The payer pays within the policy's annual limit",
        "تدفع الجهة الدافعة ضمن الحد السنوي",
        _annual_limit,
    ),
    Rule(
        "tax-shares",
        "1",
        Stage.MONEY,
        "Tax is shared in proportion to the shares",
        "توزع الضريبة بنسبة الحصص",
        _tax,
    ),
)
