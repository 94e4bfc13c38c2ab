"""What the contract allows for a line, before tax."""

from decimal import Decimal

from claimlinc.adjudication.work import ClaimWork, Finding, LineWork, Rule, Ruling, Stage, percent
from claimlinc.contract import Line, Outcome
from masterlinc.money import Money, money

_HALALA = Decimal("0.01")


def _arithmetic(_: ClaimWork, work: LineWork) -> Finding:
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
        return Finding(
            inputs,
            "differs",
            f"{line.quantity} x {line.unit_price} x {line.factor} + tax {line.tax} is not the billed SAR {line.net}:"
            " the line waits for a corrected figure.",
            f"{line.quantity} × {line.unit_price} × {line.factor} + الضريبة {line.tax} لا يساوي المبلغ المفوتر"
            f" {line.net} ريال: البند معلق حتى تصحيح الرقم.",
            Ruling(Outcome.PENDED, "BE-1-6"),
        )
    if not line.quantity:
        return Finding(
            inputs,
            "no-quantity",
            "The line bills a quantity of 0: it cannot be priced and waits for the real quantity.",
            "كمية البند صفر: لا يمكن تسعيره وهو معلق حتى تحديد الكمية.",
            Ruling(Outcome.PENDED, "SE-1-9"),
        )
    work.billed = money(line.net - line.tax)
    if line.tax and not work.billed:
        return Finding(
            inputs,
            "tax-alone",
            f"The line bills tax of SAR {line.tax} on a price of 0: it cannot be priced.",
            f"يفوتر البند ضريبة {line.tax} ريال على سعر صفر: لا يمكن تسعيره.",
            Ruling(Outcome.PENDED, "BE-1-6"),
        )
    return Finding(
        inputs,
        str(work.billed),
        f"{line.quantity} x {line.unit_price} x {line.factor} = SAR {work.billed} before tax.",
        f"{line.quantity} × {line.unit_price} × {line.factor} = {work.billed} ريال قبل الضريبة.",
    )


def _agreed(claim: ClaimWork, line: Line) -> tuple[str, Money] | None:
    for coding in line.codes:
        price = claim.prices.get((coding.system, coding.code))
        if price is not None:
            return coding.code, price
    return None


def _contract(claim: ClaimWork, work: LineWork) -> Finding:
    agreed = _agreed(claim, work.line)
    return _by_percent(claim, work) if agreed is None else _by_agreed_price(claim, work, *agreed)


def _by_percent(claim: ClaimWork, work: LineWork) -> Finding:
    contract, share = claim.terms.contract, claim.terms.percent_of_billed
    inputs = {"contract": contract, "billed": str(work.billed), "percent_of_billed": str(share)}
    if share <= 0:
        return Finding(
            inputs,
            "no-price",
            f"No contract has a price for this service ({contract or 'none holds'}): the line waits for one.",
            f"لا يوجد عقد يحدد سعر هذه الخدمة ({contract or 'لا عقد ساري'}): البند معلق حتى تحديد السعر.",
            Ruling(Outcome.PENDED),
        )
    work.allowed = min(work.billed, money(work.billed * share / 100))
    return Finding(
        inputs,
        str(work.allowed),
        f"Contract {contract} has no agreed price here and pays {percent(share)} % of what is billed:"
        f" SAR {work.allowed} of {work.billed}.",
        f"لا يوجد سعر متفق عليه في العقد {contract}، ويُسمح بنسبة {percent(share)}٪ من المبلغ المفوتر:"
        f" {work.allowed} من {work.billed} ريال.",
    )


def _by_agreed_price(claim: ClaimWork, work: LineWork, code: str, price: Money) -> Finding:
    contract, line = claim.terms.contract, work.line
    agreed = price * line.quantity * line.factor
    work.allowed = money(min(agreed, work.billed))
    inputs = {
        "contract": contract,
        "code": code,
        "agreed_price": str(price),
        "quantity": str(line.quantity),
        "factor": str(line.factor),
        "billed": str(work.billed),
    }
    if work.allowed < work.billed:
        return Finding(
            inputs,
            str(work.allowed),
            f"Contract {contract} agrees SAR {price} a unit for {code}: SAR {work.allowed} is allowed of"
            f" SAR {work.billed} billed before tax.",
            f"السعر المتفق عليه في العقد {contract} للرمز {code} هو {price} ريال للوحدة: يُسمح بمبلغ {work.allowed} من"
            f" {work.billed} ريال قبل الضريبة.",
            Ruling(Outcome.PARTIAL, "BE-1-3"),
        )
    return Finding(
        inputs,
        str(work.allowed),
        f"Contract {contract} agrees SAR {price} a unit for {code}, and no more is billed: SAR {work.allowed}.",
        f"السعر المتفق عليه في العقد {contract} للرمز {code} هو {price} ريال للوحدة ولم يُفوتر أكثر منه:"
        f" {work.allowed} ريال.",
    )


PRICE_RULES = (
    Rule("arithmetic", "1", Stage.MONEY, "The line's figures add up", "أرقام البند متطابقة", _arithmetic),
    Rule(
        "contract-price",
        "1",
        Stage.MONEY,
        "No more is allowed than the contract's price",
        "لا يُسمح بأكثر من سعر العقد",
        _contract,
    ),
)
