"""Who pays how much of what is allowed."""

from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from masterlinc.money import ZERO, Money, money
from policylinc.contract import BenefitTerm, LimitPer

_ITEM = LimitPer.ITEM


def _deductible(claim: ClaimWork, work: LineWork) -> Finding:
    """Give what is open of the year's deductible to the patient, out of what is allowed."""
    left = claim.deductible_left
    work.deductible = min(left, work.allowed)
    claim.deductible_left = Money(left - work.deductible)
    work.payer = Money(work.allowed - work.deductible)
    inputs = {"deductible": str(claim.terms.deductible), "left": str(left), "allowed": str(work.allowed)}
    return Finding("open", inputs, str(work.deductible))


def _copay(claim: ClaimWork, work: LineWork) -> Finding:
    """Give a percentage of the rest to the patient, up to the cap.

    A cap per visit is shared by all lines of the benefit on one day; a cap per item is of each line.
    """
    assert work.grant is not None, "only a covered line gets here"
    grant, of = work.grant, work.payer
    term, full = grant.term, min(of, money(of * grant.copay_rate))
    inputs = {"percent": grant.copay_percent, "of": str(of), "full": str(full)}
    found, work.copay = "uncapped", full
    if term.copay_cap is not None:
        found, inputs["cap"] = "per-item", str(term.copay_cap)
        work.copay = min(full, term.copay_cap)
        if term.copay_cap_per is not _ITEM:
            found, work.copay = "per-visit", _of_visit(claim, work, term, full, inputs)
    work.payer = Money(of - work.copay)
    return Finding(found, inputs, str(work.copay))


def _of_visit(claim: ClaimWork, work: LineWork, term: BenefitTerm, full: Money, inputs: dict[str, str]) -> Money:
    """Take the co-pay out of what the visit's cap has left: all lines of the benefit on that day share it."""
    visit = (work.benefit, work.day)
    left = claim.copay_left.get(visit, term.copay_cap or ZERO)
    copay = min(full, left)
    claim.copay_left[visit] = Money(left - copay)
    inputs["cap_left"] = str(left)
    return copay


def _tax(_: ClaimWork, work: LineWork) -> Finding:
    """Allow as much of the tax as of the price, and share it as the amounts were shared."""
    work.tax = part_of(work.billed_tax, work.allowed, work.billed)
    work.payer_tax = part_of(work.tax, work.payer, work.allowed)
    inputs = {
        "billed": str(work.billed),
        "billed_tax": str(work.line.tax),
        "allowed_tax": str(work.billed_tax),
        "allowed": str(work.allowed),
        "deductible": str(work.deductible),
        "copay": str(work.copay),
        "payer": str(work.payer),
        "patient": str(work.allowed - work.payer),
        "tax": str(work.tax),
    }
    if not work.tax:
        return Finding("without-tax", inputs, str(work.payer_tax))
    inputs["patient_tax"] = str(work.tax - work.payer_tax)
    return Finding("with-tax", inputs, str(work.payer_tax))


def part_of(tax: Money, part: Money, whole: Money) -> Money:
    """Return the tax on a part of an amount, to the halala; all of it on the whole."""
    if not tax or not part:
        return ZERO
    return tax if part >= whole else min(tax, money(tax * part / whole))


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
        "2",
        Stage.MONEY,
        "The co-pay is a percentage with a cap per visit or per item",
        "نسبة التحمل لها سقف لكل زيارة أو لكل بند",
        "The policy class's co-pay for the benefit at this provider.",
        {
            "uncapped": Case(
                "Co-pay: {percent} % of SAR {of} is SAR {full}.",
                "نسبة التحمل: {percent}٪ من {of} ريال تساوي {full} ريال.",
            ),
            "per-item": Case(
                "Co-pay: {percent} % of SAR {of} is SAR {full}; the cap of an item is SAR {cap}: the patient pays SAR"
                " {result}.",
                "نسبة التحمل: {percent}٪ من {of} ريال تساوي {full} ريال، وسقف البند {cap} ريال:"
                " يدفع المريض {result} ريال.",
            ),
            "per-visit": Case(
                "Co-pay: {percent} % of SAR {of} is SAR {full}; of the visit's cap of SAR {cap} SAR"
                " {cap_left} was open: the patient pays SAR {result}.",
                "نسبة التحمل: {percent}٪ من {of} ريال تساوي {full} ريال، والمتبقي من سقف الزيارة {cap} ريال"
                " هو {cap_left} ريال: يدفع المريض {result} ريال.",
            ),
        },
        _copay,
    ),
)

TAX_RULES = (
    Rule(
        "tax-shares",
        "2",
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
