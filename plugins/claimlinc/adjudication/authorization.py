"""Whether a pre-authorization is wanted, whether there is one, and how much of it is left."""

from decimal import Decimal
from typing import NamedTuple

from claimlinc.adjudication.balances import Authorized
from claimlinc.adjudication.service_rules import rules_on
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage, told
from claimlinc.contract import Outcome, Use
from masterlinc.money import ZERO, Money, Quantity, money
from policylinc.contract import ServiceRule, ServiceRuleKind

_REQUEST = Use.PREAUTHORIZATION
_KIND = ServiceRuleKind.AUTHORIZATION
_NONE = Finding("none", {}, "none")
_NOT_WANTED = Finding("not-wanted", {}, "not-wanted")


class _Held(NamedTuple):
    case: str
    result: str
    authorized: Authorized | None = None


def _wanted(claim: ClaimWork, work: LineWork) -> ServiceRule | None:
    rules = rules_on(claim, work, _KIND)
    if not rules:
        return None
    billed = work.line.net - work.line.tax
    wanting = [rule for rule in rules if rule.above is None or billed > rule.above]
    if claim.is_emergency:  # a rule that asks emergencies too goes before one that lets them be
        wanting.sort(key=lambda rule: not rule.in_emergencies)
    return wanting[0] if wanting else None


def _authorization(claim: ClaimWork, work: LineWork) -> Finding:
    """Ask whether a rule wants an authorization, and find it among those of the member.

    A rule may want one by code, diagnosis and benefit, and from an amount on: what the line bills before tax. It
    leaves emergencies alone unless it says that it does not. Where the claim names authorizations, one of those
    must be for a code of the line; where it names none, any that the payer has given the member will do. It must
    hold on the line's day.
    """
    if claim.submission.use is _REQUEST:
        return Finding("is-request", {}, "is-request")
    rule = _wanted(claim, work)
    if rule is None:
        return _NOT_WANTED
    named = claim.submission.preauth_refs
    inputs = {
        "rule_id": rule.id,
        "rule_text": rule.text,
        "rule_text_ar": rule.text_ar,
        "above": str(rule.above or ""),
        "references": " ".join(named),
        "service_date": told(work.day),
    }
    if claim.is_emergency and not rule.in_emergencies:
        return Finding("emergency", inputs, "not-wanted")
    held = _held(claim, work)
    if held.authorized:
        inputs["reference"] = held.authorized.reference
    if held.case == "held":
        work.authorized = held.authorized
    return Finding(held.case, inputs, held.result)


def _held(claim: ClaimWork, work: LineWork) -> _Held:
    """Find the authorization that a line may use: of those that the claim names, or of all if it names none."""
    named = claim.submission.preauth_refs
    known = [one for one in claim.authorized if not named or one.reference in named]
    codes = {(coding.system, coding.code) for coding in work.line.codes}
    same = [one for one in known if not codes.isdisjoint(one.codes)]
    valid = [one for one in same if one.valid_from <= work.day <= one.valid_to]
    if valid:
        return _Held("held", "held", next((one for one in valid if one.quantity >= work.quantity), valid[0]))
    if same:
        return _Held("other-days", "missing", same[0])
    if not named:
        return _Held("missing", "missing")
    return _Held("other-services" if known else "unknown", "missing")


def _part(_: ClaimWork, work: LineWork) -> Finding:
    """Allow no more units and no more money than is left of the authorization that the line draws on.

    The lines of a claim use it up in their order. What is over is not allowed: it is not the patient's either.
    """
    source = work.authorized
    if source is None:
        return _NONE
    before, quantity = work.allowed, work.quantity
    inputs = {
        "reference": source.reference,
        "quantity": str(quantity),
        "quantity_left": str(source.quantity),
        "allowed": str(before),
        "amount_left": str(source.amount),
    }
    if source.quantity < quantity:
        work.quantity = Quantity(max(source.quantity, Decimal(0)))
        work.allowed = money(before * work.quantity / quantity)
    work.allowed = min(work.allowed, Money(max(source.amount, ZERO)))
    if work.allowed == before and work.quantity == quantity:
        return Finding("fits", inputs, str(work.allowed))
    something = work.quantity and (work.allowed or not before)
    return Finding("cut" if something else "used-up", inputs, str(work.allowed))


_WANTS = "An authorization is wanted: {rule_text} ({rule_id})."
_WANTS_AR = "تلزم موافقة مسبقة: {rule_text_ar} ({rule_id})."

AUTHORIZATION_RULES = (
    Rule(
        "authorization",
        "1",
        Stage.ELIGIBILITY,
        "A service that wants a pre-authorization has one",
        "للخدمة موافقة مسبقة إن لزمت",
        "The payer's authorization rules; CCHI (2018): emergencies want none.",
        {
            "not-wanted": Case("The service wants no pre-authorization.", "لا تلزم موافقة مسبقة لهذه الخدمة."),
            "is-request": Case("The request itself asks for the authorization.", "الطلب نفسه هو طلب للموافقة المسبقة."),
            "emergency": Case(
                "It was an emergency, so no authorization is wanted in spite of {rule_id}.",
                "الحالة طارئة، فلا تلزم موافقة مسبقة رغم القاعدة {rule_id}.",
            ),
            "held": Case(
                f"{_WANTS} Authorization {{reference}} is one for this service.",
                f"{_WANTS_AR} والموافقة {{reference}} تشمل هذه الخدمة.",
            ),
            "missing": Case(
                f"{_WANTS} The claim names none, and the payer knows none for this service.",
                f"{_WANTS_AR} لا تذكر المطالبة أي موافقة ولا توجد لدى الجهة الدافعة موافقة لهذه الخدمة.",
                Outcome.REJECTED,
                "BE-1-4",
            ),
            "unknown": Case(
                f"{_WANTS} The payer has given this member no authorization {{references}}.",
                f"{_WANTS_AR} لم تصدر الجهة الدافعة لهذا المستفيد موافقة بالرقم {{references}}.",
                Outcome.REJECTED,
                "BE-1-4",
            ),
            "other-services": Case(
                f"{_WANTS} Authorization {{references}} is for other services.",
                f"{_WANTS_AR} الموافقة {{references}} تخص خدمات أخرى.",
                Outcome.REJECTED,
                "BE-1-5",
            ),
            "other-days": Case(
                f"{_WANTS} Authorization {{reference}} does not hold on {{service_date}}.",
                f"{_WANTS_AR} الموافقة {{reference}} غير سارية في {{service_date}}.",
                Outcome.REJECTED,
                "AD-2-6",
            ),
        },
        _authorization,
    ),
)
AUTHORIZED_RULES = (
    Rule(
        "authorized-part",
        "1",
        Stage.MONEY,
        "No more is allowed than is left of the authorization",
        "لا يُسمح بأكثر من المتبقي من الموافقة المسبقة",
        "The authorization's quantity and amount, before tax, less what claims have used of them.",
        {
            "none": Case("The line draws on no authorization.", "لا يُخصم البند من أي موافقة مسبقة."),
            "fits": Case(
                "Of authorization {reference} {quantity_left} units and SAR {amount_left} were left: {quantity} units"
                " and SAR {result} fit.",
                "المتبقي من الموافقة {reference} هو {quantity_left} وحدة و{amount_left} ريال: الكمية {quantity} والمبلغ"
                " {result} ريال ضمنها.",
            ),
            "cut": Case(
                "Of authorization {reference} only {quantity_left} units and SAR {amount_left} were left: SAR {result}"
                " is allowed of SAR {allowed} for a quantity of {quantity}.",
                "المتبقي من الموافقة {reference} هو {quantity_left} وحدة و{amount_left} ريال فقط: يُسمح بمبلغ {result}"
                " من {allowed} ريال لكمية {quantity}.",
                Outcome.PARTIAL,
                "BE-1-5",
            ),
            "used-up": Case(
                "Nothing is left of authorization {reference} for this service.",
                "لم يتبقَّ شيء من الموافقة {reference} لهذه الخدمة.",
                Outcome.REJECTED,
                "BE-1-5",
            ),
        },
        _part,
    ),
)
