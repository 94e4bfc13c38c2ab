"""A claim's arithmetic: each fault is named with the exchange's rule; figures are never changed."""

from collections.abc import Iterator
from decimal import Decimal, localcontext

from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid
from masterlinc.money import Money, money
from sbslinc.contract import ApplyFinancialRules, FinancialLine, FinancialResult, Finding

LINE_RULE, TOTAL_RULE, ROUNDING_RULE = "BV-00251", "BV-00059", "GE-00028"
_HALALA = Decimal("0.01")


async def apply_financial_rules(ctx: Context, request: ApplyFinancialRules) -> FinancialResult:  # noqa: ARG001
    """Check every line and the total; the answer's total is the sum of the lines as they were sent."""
    findings = [finding for at, line in enumerate(request.lines) for finding in check_line(at, line)]
    total = _sum(request.lines)
    findings += check_total(request.total, total)
    return FinancialResult(tuple(findings), total)


def check_line(at: int, line: FinancialLine) -> Iterator[Finding]:
    """Check net = quantity x unit price x factor + tax, rounded half-up to the halala."""
    with localcontext(prec=60):
        exact = line.quantity * line.unit_price * line.factor + line.tax
    expected = _rounded(exact)
    if expected == line.net:
        return
    figures = f"{line.quantity} x {line.unit_price} x {line.factor} + {line.tax}"
    if expected is not None and abs(exact - line.net) < _HALALA:
        yield _error(
            ROUNDING_RULE,
            f"lines[{at}].net",
            f"{figures} = {exact.normalize():f} is rounded half-up to {expected}, not {line.net}",
            f"{figures} = {exact.normalize():f} يقرب إلى {expected} وليس {line.net}",
        )
        return
    shown = "more than an amount can hold" if expected is None else str(expected)
    shown_ar = "أكبر من أي مبلغ مسموح" if expected is None else str(expected)
    yield _error(
        LINE_RULE,
        f"lines[{at}].net",
        f"The net of line {line.sequence} is {line.net}, and {figures} = {shown}",
        f"صافي البند {line.sequence} هو {line.net} بينما {figures} = {shown_ar}",
    )


def check_total(sent: Money, total: Money) -> Iterator[Finding]:
    """Check that the total is the sum of the lines' nets."""
    if sent != total:
        yield _error(
            TOTAL_RULE,
            "total",
            f"The total is {sent}, and the nets of the lines sum to {total}",
            f"الإجمالي {sent} بينما مجموع صافي البنود {total}",
        )


def _sum(lines: tuple[FinancialLine, ...]) -> Money:
    total = _rounded(sum((line.net for line in lines), Decimal(0)))
    if total is None:
        detail, detail_ar = "The lines sum to more than an amount can hold", "مجموع البنود أكبر من أي مبلغ مسموح"
        raise Invalid(detail, detail_ar, errors=[FieldError("lines", "range", detail, detail_ar)])
    return total


def _rounded(amount: Decimal) -> Money | None:
    try:
        return money(amount)
    except ValueError:
        return None


def _error(rule: str, path: str, detail: str, detail_ar: str) -> Finding:
    return Finding(rule, "error", path, detail, detail_ar)
