"""What the contract allows for a line, before tax."""

from decimal import Decimal

from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Line, Outcome
from masterlinc.money import Money, money

_HALALA = Decimal("0.01")
_NO_TAX = Finding("no-tax", {}, "no-tax")


def _arithmetic(_: ClaimWork, work: LineWork) -> Finding:
    """Check that quantity times unit price times factor plus tax is the net; without the tax it is what was billed."""
    line = work.line
    inputs = {
        "quantity": str(line.quantity),
        "unit_price": str(line.unit_price),
        "factor": str(line.factor),
        "tax": str(line.tax),
        "net": str(line.net),
    }
    exact = line.quantity * line.unit_price * line.factor + line.tax
    if abs(exact - line.net) >= _HALALA or line.net < line.tax:
        return Finding("differs", inputs, "differs")
    if not line.quantity:
        return Finding("no-quantity", inputs, "no-quantity")
    work.billed = Money(line.net - line.tax)
    if line.tax and not work.billed:
        return Finding("tax-alone", inputs, "tax-alone")
    return Finding("adds-up", inputs, str(work.billed))


def agreed_price(claim: ClaimWork, line: Line) -> tuple[str, Money] | None:
    """Return a line's code and the unit price that the contract agrees for it, or None."""
    for coding in line.codes:
        price = claim.prices.get((coding.system, coding.code))
        if price is not None:
            return coding.code, price
    return None


def _contract(claim: ClaimWork, work: LineWork) -> Finding:
    """Allow the agreed price times quantity times factor, or the contract's percentage of what is billed.

    Never is more allowed than is billed. A percentage lowers what is allowed without cutting the line: it is
    what was agreed. A line without a price waits.
    """
    agreed = agreed_price(claim, work.line)
    return _by_percent(claim, work) if agreed is None else _by_agreed_price(claim, work, *agreed)


def _by_percent(claim: ClaimWork, work: LineWork) -> Finding:
    contract, share = claim.terms.contract, claim.terms.percent_of_billed
    inputs = {"contract": contract, "billed": str(work.billed), "percent_of_billed": str(share)}
    if share <= 0:
        return Finding("no-price" if contract else "no-contract", inputs, "no-price")
    part = share if work.quantity == work.line.quantity else share * work.quantity / work.line.quantity
    work.allowed = min(work.billed, money(work.billed * part / 100))
    return Finding("percent", inputs, str(work.allowed))


def _by_agreed_price(claim: ClaimWork, work: LineWork, code: str, price: Money) -> Finding:
    line = work.line
    agreed = price * work.quantity * line.factor
    work.allowed = work.billed if agreed >= work.billed else money(agreed)
    inputs = {
        "contract": claim.terms.contract,
        "code": code,
        "agreed_price": str(price),
        "quantity": str(work.quantity),
        "factor": str(line.factor),
        "billed": str(work.billed),
    }
    return Finding("lower" if work.allowed < work.billed else "agreed", inputs, str(work.allowed))


def _vat(claim: ClaimWork, work: LineWork) -> Finding:
    """Allow no more tax than the rate makes of what was billed, whether it was rounded by unit or by line.

    Less tax than that is what was billed. Tax that is as much as the price itself is a wrong figure, and the line
    waits.
    """
    line, rate = work.line, claim.terms.vat_percent
    if not line.tax:
        return _NO_TAX
    if rate is None:
        return Finding("as-billed", {"tax": str(line.tax)}, str(line.tax))
    most = vat_at_most(line, work.billed, rate)
    inputs = {"tax": str(line.tax), "vat_percent": str(rate), "billed": str(work.billed), "most": str(most)}
    if line.tax <= most:
        return Finding("right", inputs, str(line.tax))
    if line.tax >= work.billed:
        return Finding("impossible", inputs, "impossible")
    work.billed_tax = most
    return Finding("more", inputs, str(most))


def vat_at_most(line: Line, billed: Money, rate: Decimal) -> Money:
    """Return the most tax that a line may bill: the rate's, rounded once for the line or for each unit."""
    by_line = money(billed * rate / 100)
    if line.tax <= by_line:
        return by_line
    return max(by_line, money(money(line.unit_price * rate / 100) * line.quantity * line.factor))


PRICE_RULES = (
    Rule(
        "arithmetic",
        "1",
        Stage.MONEY,
        "The line's figures add up",
        "أرقام البند متطابقة",
        "NPHIES BV-00251 and GE-00028.",
        {
            "adds-up": Case(
                "{quantity} x {unit_price} x {factor} = SAR {result} before tax.",
                "{quantity} × {unit_price} × {factor} = {result} ريال قبل الضريبة.",
            ),
            "differs": Case(
                "{quantity} x {unit_price} x {factor} + tax {tax} is not the billed SAR {net}: the line waits for a"
                " corrected figure.",
                "{quantity} × {unit_price} × {factor} + الضريبة {tax} لا يساوي المبلغ المفوتر {net} ريال: البند معلق"
                " حتى تصحيح الرقم.",
                Outcome.PENDED,
                "BE-1-6",
            ),
            "no-quantity": Case(
                "The line bills a quantity of 0: it cannot be priced and waits for the real quantity.",
                "كمية البند صفر: لا يمكن تسعيره وهو معلق حتى تحديد الكمية.",
                Outcome.PENDED,
                "SE-1-9",
            ),
            "tax-alone": Case(
                "The line bills tax of SAR {tax} on a price of 0: it cannot be priced.",
                "يفوتر البند ضريبة {tax} ريال على سعر صفر: لا يمكن تسعيره.",
                Outcome.PENDED,
                "BE-1-6",
            ),
        },
        _arithmetic,
    ),
    Rule(
        "contract-price",
        "1",
        Stage.MONEY,
        "No more is allowed than the contract's price",
        "لا يُسمح بأكثر من سعر العقد",
        "The contract between provider and payer.",
        {
            "agreed": Case(
                "Contract {contract} agrees SAR {agreed_price} a unit for {code}, and no more is billed: SAR {result}.",
                "السعر المتفق عليه في العقد {contract} للرمز {code} هو {agreed_price} ريال للوحدة ولم يُفوتر أكثر منه:"
                " {result} ريال.",
            ),
            "lower": Case(
                "Contract {contract} agrees SAR {agreed_price} a unit for {code}: SAR {result} is allowed of SAR"
                " {billed} billed before tax.",
                "السعر المتفق عليه في العقد {contract} للرمز {code} هو {agreed_price} ريال للوحدة: يُسمح بمبلغ {result}"
                " من {billed} ريال قبل الضريبة.",
                Outcome.PARTIAL,
                "BE-1-3",
            ),
            "percent": Case(
                "Contract {contract} has no agreed price here and pays {percent_of_billed} % of what is billed: SAR"
                " {result} of {billed}.",
                "لا يوجد سعر متفق عليه في العقد {contract}، ويُسمح بنسبة {percent_of_billed}٪ من المبلغ المفوتر:"
                " {result} من {billed} ريال.",
            ),
            "no-price": Case(
                "No contract has a price for this service ({contract}): the line waits for one.",
                "لا يوجد عقد يحدد سعر هذه الخدمة ({contract}): البند معلق حتى تحديد السعر.",
                Outcome.PENDED,
            ),
            "no-contract": Case(
                "No contract has a price for this service (none holds): the line waits for one.",
                "لا يوجد عقد يحدد سعر هذه الخدمة (لا عقد ساري): البند معلق حتى تحديد السعر.",
                Outcome.PENDED,
            ),
        },
        _contract,
    ),
    Rule(
        "vat-rate",
        "1",
        Stage.MONEY,
        "No more tax is allowed than the rate makes",
        "لا يُسمح بضريبة تتجاوز نسبتها",
        "The rate of VAT that the payer has set for the day; NPHIES GE-00028 for rounding.",
        {
            "no-tax": Case("The line bills no tax.", "لا يفوتر البند ضريبة."),
            "as-billed": Case(
                "The payer has set no rate of VAT: the tax of SAR {tax} stands as billed.",
                "لم تحدد الجهة الدافعة نسبة لضريبة القيمة المضافة: تبقى الضريبة {tax} ريال كما فُوترت.",
            ),
            "right": Case(
                "The tax of SAR {tax} is no more than {vat_percent} % of SAR {billed}.",
                "الضريبة {tax} ريال لا تتجاوز {vat_percent}٪ من {billed} ريال.",
            ),
            "more": Case(
                "The tax of SAR {tax} is more than {vat_percent} % of SAR {billed}: SAR {most} of it is allowed.",
                "الضريبة {tax} ريال تتجاوز {vat_percent}٪ من {billed} ريال: يُسمح منها بمبلغ {most} ريال.",
                Outcome.PARTIAL,
                "BE-1-6",
            ),
            "impossible": Case(
                "The tax of SAR {tax} is no less than the price of SAR {billed} itself: the line waits for a corrected"
                " figure.",
                "الضريبة {tax} ريال لا تقل عن السعر {billed} ريال نفسه: البند معلق حتى تصحيح الرقم.",
                Outcome.PENDED,
                "BE-1-6",
            ),
        },
        _vat,
    ),
)
