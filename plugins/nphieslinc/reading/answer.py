"""A ClaimResponse becomes an Answer; an answer that came with HTTP 200 may be an error all the same."""

from decimal import Decimal

from msgspec import Struct

from claimlinc.contract import AnswerError, AnswerLine, ClaimStatus, Outcome
from masterlinc.money import ZERO, Money, Quantity, money
from nphieslinc.envelope import ANSWER_EVENTS, Envelope
from nphieslinc.errors import AnswerRefused
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import Node
from nphieslinc.reading.coding import codes, first_code

_OUTCOMES = {one.value: one for one in Outcome} | {"not-required": Outcome.APPROVED}
_STATUS = {
    Outcome.APPROVED: ClaimStatus.APPROVED,
    Outcome.PARTIAL: ClaimStatus.PARTIAL,
    Outcome.REJECTED: ClaimStatus.REJECTED,
    Outcome.PENDED: ClaimStatus.PENDED,
}


class Answer(Struct, frozen=True):
    """What an answer says of the claim that it answers."""

    status: ClaimStatus
    lines: tuple[AnswerLine, ...] = ()
    errors: tuple[AnswerError, ...] = ()
    disposition: str | None = None
    preauth_ref: str | None = None


def read_answer(envelope: Envelope, *, request_header_id: str) -> Answer:
    """Read the answer to the request with this MessageHeader.id; raises AnswerRefused for another's."""
    _check_addressed(envelope, request_header_id)
    response = envelope.focus
    if response is None:
        raise AnswerRefused.of([_fault("RE-00100", "MessageHeader.focus", "no ClaimResponse", "لا يوجد ClaimResponse")])
    answer = _answer(envelope, response)
    if envelope.message.faults:
        raise AnswerRefused.of(envelope.message.faults)
    return answer


def _check_addressed(envelope: Envelope, request_header_id: str) -> None:
    path = f"{envelope.header.path}.response.identifier"
    if envelope.event not in ANSWER_EVENTS:
        detail, detail_ar = f"{envelope.event} is no answer to a claim", f"الحدث {envelope.event} ليس إجابة عن مطالبة"
        raise AnswerRefused.of([_fault("BV-00543", f"{envelope.header.path}.eventCoding", detail, detail_ar)])
    if envelope.response_to is None:
        detail, detail_ar = "the answer does not name its request", "الإجابة لا تذكر رقم الطلب"
        raise AnswerRefused.of([_fault("IC-00225", path, detail, detail_ar)])
    if envelope.response_to != request_header_id:
        detail, detail_ar = "the answer is for another request", "الإجابة تخص طلباً آخر"
        raise AnswerRefused.of([_fault("BV-00544", path, detail, detail_ar)])


def _fault(rule: str, path: str, detail: str, detail_ar: str) -> BrokenRule:
    return BrokenRule(rule, path, detail, detail_ar)


def _answer(envelope: Envelope, response: Node) -> Answer:
    outcome, disposition = response.text("outcome"), response.text("disposition")
    errors = tuple(_error(node) for node in response.children("error"))
    if outcome == "error" or envelope.response_code in {"transient-error", "fatal-error"}:
        return Answer(ClaimStatus.ERROR, errors=errors or (_unnamed(disposition),), disposition=disposition)
    decided = _outcome(response)
    if outcome == "queued" or decided is Outcome.PENDED:
        return Answer(ClaimStatus.PENDED, errors=errors, disposition=disposition)
    lines = tuple(_line(node) for node in response.children("item"))
    if decided is None and not lines:
        response.needed("extension", None)
    return Answer(
        status=_STATUS[decided or _of_lines(lines)],
        lines=lines,
        errors=errors,
        disposition=disposition,
        preauth_ref=response.text("preAuthRef"),
    )


def _outcome(node: Node) -> Outcome | None:
    extension = node.extension("adjudication-outcome")
    return _OUTCOMES.get(first_code(extension.child("valueCodeableConcept")) or "") if extension else None


def _of_lines(lines: tuple[AnswerLine, ...]) -> Outcome:
    """Judge a claim by its lines where the answer does not (BV-00393, BV-00394, BV-00397)."""
    found = {line.outcome for line in lines}
    return found.pop() if len(found) == 1 else Outcome.PARTIAL


def _error(node: Node) -> AnswerError:
    listed = codes(node.child("code"))
    detail = (listed[0].display if listed else None) or "the hub gave no words"
    path = _expression(node)
    code = listed[0].code if listed else "GE-00000"
    return AnswerError(code, detail, f"رفضت المنصة الرسالة: القاعدة {code}", path)


def _expression(node: Node) -> str | None:
    """Find the path of an error: on the error, on its code or on the coding, as answers write it."""
    concept = node.child("code")
    holders = [node, *([concept, *concept.children("coding")] if concept else [])]
    for holder in holders:
        extension = holder.extension("error-expression")
        if extension is not None:
            return extension.text("valueString")
    return None


def _unnamed(disposition: str | None) -> AnswerError:
    return AnswerError("GE-00000", disposition or "the answer is an error without a reason", "الإجابة خطأ دون ذكر سبب")


def _line(node: Node) -> AnswerLine:
    amounts, quantity, denial = _adjudications(node)
    benefit, payer_tax = amounts.get("benefit", ZERO), amounts.get("tax", ZERO)
    eligible = amounts.get("eligible", ZERO)
    copay, deductible = amounts.get("copay", ZERO), amounts.get("deductible", ZERO)
    payer = _payer_share(benefit, payer_tax, eligible - copay - deductible)
    patient = amounts.get("patientshare", money(copay + deductible))
    tax = payer + patient - eligible if eligible else payer_tax
    return AnswerLine(
        sequence=node.needed("itemSequence", node.count("itemSequence")) or 0,
        outcome=_outcome(node) or (Outcome.APPROVED if payer else Outcome.REJECTED),
        billed=amounts.get("submitted", ZERO),
        allowed=eligible,
        deductible=deductible,
        copay=copay,
        tax=money(max(tax, Decimal(0))),
        payer_tax=payer_tax,
        payer_share=payer,
        patient_share=patient,
        approved_quantity=quantity,
        denial_code=denial,
    )


def _payer_share(benefit: Money, payer_tax: Money, before_tax: Decimal) -> Money:
    """Return the payer's part with its tax: some payers put the tax into `benefit`, some beside it."""
    included = payer_tax > 0 and benefit == before_tax + payer_tax
    return benefit if included else money(benefit + payer_tax)


def _adjudications(node: Node) -> tuple[dict[str, Money], Quantity, str | None]:
    """Read the amounts by category, in lower case: coPay and copay are one."""
    amounts: dict[str, Money] = {}
    quantity, denial = Quantity(0), None
    for part in node.children("adjudication"):
        category = (first_code(part.child("category")) or "").lower()
        amount = part.money("amount") if "amount" in part.value else None
        if amount is not None:
            amounts.setdefault(category, amount)
        if category == "approved-quantity":
            quantity = part.number("value") or quantity
        denial = denial or first_code(part.child("reason"))
    return amounts, quantity, denial
