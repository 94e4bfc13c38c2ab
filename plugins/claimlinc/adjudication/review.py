"""What a person of the payer decided about a line, as a rule that takes the place of those on the price."""

from collections.abc import Iterator
from typing import NamedTuple

from claimlinc.adjudication.facts import LineRuling, Review
from claimlinc.adjudication.price import agreed_price, vat_at_most
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Line, Outcome
from masterlinc.money import ZERO, Money, Quantity, money

_CONTRACT = "BE-1-3"  # billed above the agreed price


class Ruled(NamedTuple):
    """What a ruling makes of a line before the shares are taken."""

    finding: Finding
    outcome: Outcome
    denial_code: str | None


def ruling_on(claim: ClaimWork, line: Line) -> LineRuling | None:
    """Return the ruling on a line, or None."""
    review = claim.facts.review
    if review is None:
        return None
    return next((one for one in review.rulings if one.sequence == line.sequence), None)


def asked(line: Line, quantity: Quantity | None) -> Money:
    """Return what is asked for a line before tax, or for a part of its quantity, or for one that it leaves out."""
    billed = money(max(line.net - line.tax, ZERO))
    if quantity is None:
        return billed
    priced = money(quantity * line.unit_price * line.factor)
    return min(priced, billed) if line.quantity else priced


def ceiling(claim: ClaimWork, line: Line, quantity: Quantity | None) -> Money:
    """Return the most that the contract lets a reviewer allow, before tax; all that is asked where it has no price."""
    most = asked(line, quantity)
    price = agreed_price(claim, line)
    if price is not None:
        return money(min(most, price[1] * (line.quantity if quantity is None else quantity) * line.factor))
    share = claim.terms.percent_of_billed
    return min(most, money(most * share / 100)) if share > 0 else most


def rule_on(claim: ClaimWork, work: LineWork, ruling: LineRuling) -> Ruled:
    """Find what a ruling makes of a line, and set its figures."""
    full, most = asked(work.line, ruling.quantity), ceiling(claim, work.line, ruling.quantity)
    inputs = _inputs(claim.facts.review, ruling) | {"asked": str(full), "contract_allows": str(most)}
    late = "late-" if inputs["ran_out"] else ""
    if ruling.outcome is Outcome.REJECTED:
        return Ruled(Finding(f"{late}rejected", inputs, "rejected"), Outcome.REJECTED, ruling.denial_code)
    work.billed = max(asked(work.line, None), full)
    rate = claim.terms.vat_percent
    if rate is not None and not ruling.override:
        work.billed_tax = min(work.line.tax, vat_at_most(work.line, work.billed, rate))
    if ruling.quantity is not None:
        work.quantity = ruling.quantity
    wanted = most if ruling.amount is None else ruling.amount
    work.allowed = work.payer = min(wanted, full if ruling.override else most)
    if ruling.outcome is Outcome.PARTIAL:
        return Ruled(Finding("partial", inputs, str(work.allowed)), Outcome.PARTIAL, ruling.denial_code)
    if work.allowed < full:
        return Ruled(Finding(f"{late}contract", inputs, str(work.allowed)), Outcome.PARTIAL, _CONTRACT)
    return Ruled(Finding(f"{late}approved", inputs, str(work.allowed)), Outcome.APPROVED, None)


def set_aside(ruling: LineRuling) -> Iterator[Finding]:
    """Say that rules on cover and limits were set aside, where they were."""
    if ruling.override:
        because = {"override_reason": ruling.override_reason, "override_reason_ar": ruling.override_reason_ar}
        yield Finding("overrides", because, "overrides")


def _inputs(review: Review | None, ruling: LineRuling) -> dict[str, str]:
    return {
        "reviewer": review.reviewer if review else "",
        "second_reviewer": (review.second_reviewer or "") if review else "",
        "ran_out": review.ran_out if review else "",
        "quantity": "" if ruling.quantity is None else str(ruling.quantity),
        "denial_code": ruling.denial_code or "",
        "reason": ruling.reason,
        "reason_ar": ruling.reason_ar,
    }


REVIEW = Rule(
    "review",
    "1",
    Stage.MONEY,
    "A person of the payer decided about the line",
    "قرار مراجع لدى الجهة الدافعة بشأن البند",
    "The payer's reviewer, docs/review.md.",
    {
        "approved": Case(
            "A reviewer of the payer approved the line: SAR {result} is allowed of SAR {asked} before tax.",
            "وافق مراجع لدى الجهة الدافعة على البند: يُسمح بمبلغ {result} من {asked} ريال قبل الضريبة.",
        ),
        "contract": Case(
            "A reviewer of the payer approved the line; the contract allows SAR {result} of SAR {asked} before tax.",
            "وافق مراجع لدى الجهة الدافعة على البند، ويسمح العقد بمبلغ {result} من {asked} ريال قبل الضريبة.",
        ),
        "partial": Case(
            "A reviewer of the payer allows SAR {result} of SAR {asked} before tax: {reason}",
            "يسمح مراجع لدى الجهة الدافعة بمبلغ {result} من {asked} ريال قبل الضريبة: {reason_ar}",
        ),
        "rejected": Case(
            "A reviewer of the payer rejected the line: {reason}",
            "رفض مراجع لدى الجهة الدافعة البند: {reason_ar}",
        ),
        "late-approved": Case(
            "The payer did not answer by {ran_out}; by its terms the line is approved: SAR {result} is allowed of SAR"
            " {asked} before tax.",
            "لم ترد الجهة الدافعة حتى {ran_out}، فيُعد البند موافقاً عليه حسب شروطها: يُسمح بمبلغ {result} من {asked} ريال"
            " قبل الضريبة.",
        ),
        "late-contract": Case(
            "The payer did not answer by {ran_out}; by its terms the line is approved, and the contract allows SAR"
            " {result} of SAR {asked} before tax.",
            "لم ترد الجهة الدافعة حتى {ran_out}، فيُعد البند موافقاً عليه حسب شروطها، ويسمح العقد بمبلغ {result} من"
            " {asked} ريال قبل الضريبة.",
        ),
        "late-rejected": Case(
            "The payer did not answer by {ran_out}; by its terms the line is rejected.",
            "لم ترد الجهة الدافعة حتى {ran_out}، فيُرفض البند حسب شروطها.",
        ),
        "overrides": Case(
            "The reviewer set the rules on cover, price and limits aside: {override_reason}",
            "تجاوز المراجع قواعد التغطية والسعر والحدود: {override_reason_ar}",
        ),
    },
    lambda *_: Finding("approved", {}, ""),  # it looks only where there is a ruling, see `rule_on`
)
