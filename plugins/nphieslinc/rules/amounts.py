"""Rules on money: half-up to the halala, SAR, and sums that hold."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext

from masterlinc.money import Money, Quantity
from nphieslinc.fhir import Node
from nphieslinc.rules.rule import Case, Finding, Rule

_ONE = Quantity(1)
_HALALA = Decimal("0.01")


def _sum(nodes: list[Node]) -> Decimal | None:
    nets = [node.money("net") for node in nodes]
    return None if None in nets else sum((net for net in nets if net is not None), Decimal(0))


def _total(case: Case) -> Iterator[Finding]:
    total, wanted = case.claim.money("total"), _sum(case.claim.children("item"))
    if total is not None and wanted is not None and total != wanted:
        yield Finding(f"{case.claim.path}.total", {"found": f"{total:f}", "wanted": f"{wanted:f}"})


def _net(case: Case) -> Iterator[Finding]:
    for item in case.claim.children("item"):
        yield from _other_net(item)


def _detail_net(case: Case) -> Iterator[Finding]:
    for item in case.claim.children("item"):
        for detail in item.children("detail"):
            if not detail.children("subDetail"):
                yield from _other_net(detail)


def _other_net(node: Node) -> Iterator[Finding]:
    quantity, price, net = node.quantity("quantity"), node.money("unitPrice"), node.money("net")
    if quantity is None or price is None or net is None:
        return
    factor = node.number("factor")
    with localcontext(prec=60):  # three factors of the largest size still multiply exactly
        wanted = quantity * price * (_ONE if factor is None else factor) + (_extension(node, "tax") or 0)
        wanted = wanted.quantize(_HALALA, ROUND_HALF_UP)
    if wanted != net:
        yield Finding(f"{node.path}.net", {"found": f"{net:f}", "wanted": f"{wanted:f}"})


def _detail_sum(case: Case) -> Iterator[Finding]:
    for item in case.claim.children("item"):
        details, net = item.children("detail"), item.money("net")
        package = item.extension("package")
        if not details or net is None or (package is not None and package.flag("valueBoolean")):
            continue
        wanted = _sum(details)
        if wanted is not None and wanted != net:
            yield Finding(f"{item.path}.net", {"found": f"{net:f}", "wanted": f"{wanted:f}"})


def _extension(node: Node, name: str) -> Money | None:
    extension = node.extension(name)
    return extension.money("valueMoney") if extension else None


def _currency(rule: str, level: str, name: str) -> Rule:
    """Make the rule that one amount is in SAR; `level` is claim, item or detail."""

    def find(case: Case) -> Iterator[Finding]:
        for node in _level(case, level):
            amount = _amount(node, name)
            if amount is not None and amount.value.get("currency") != "SAR":
                yield Finding(f"{amount.path}.currency")

    return Rule(rule, "amounts are in SAR", "يجب أن تكون المبالغ بالريال السعودي (SAR)", find)


def _level(case: Case, level: str) -> list[Node]:
    if level == "claim":
        return [case.claim]
    items = case.claim.children("item")
    return items if level == "item" else [detail for item in items for detail in item.children("detail")]


def _amount(node: Node, name: str) -> Node | None:
    if name in {"total", "net", "unitPrice"}:
        return node.child(name)
    extension = node.extension(name)
    return extension.child("valueMoney") if extension else None


RULES = (
    Rule(
        "BV-00059",
        "the total is {found}, but its lines sum to {wanted}",
        "إجمالي المطالبة {found} بينما مجموع بنودها {wanted}",
        _total,
    ),
    Rule(
        "BV-00251",
        "net is {found}, but quantity x unit price x factor + tax is {wanted}",
        "صافي البند {found} بينما الكمية × سعر الوحدة × المعامل + الضريبة = {wanted}",
        _net,
    ),
    Rule(
        "BV-00434",
        "net is {found}, but quantity x unit price x factor + tax is {wanted}",
        "صافي التفصيل {found} بينما الكمية × سعر الوحدة × المعامل + الضريبة = {wanted}",
        _detail_net,
    ),
    Rule(
        "BV-00224",
        "net is {found}, but the details of this line sum to {wanted} and it is no package",
        "صافي البند {found} بينما مجموع تفاصيله {wanted} وهو ليس باقة",
        _detail_sum,
    ),
    _currency("BV-00096", "claim", "total"),
    _currency("BV-00092", "item", "unitPrice"),
    _currency("BV-00093", "item", "net"),
    _currency("BV-00086", "item", "tax"),
    _currency("BV-00088", "item", "patient-share"),
    _currency("BV-00087", "item", "payer-share"),
    _currency("BV-00094", "detail", "unitPrice"),
    _currency("BV-00095", "detail", "net"),
    _currency("BV-00089", "detail", "tax"),
)
