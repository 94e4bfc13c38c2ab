"""The answer to a claim or prior authorization request: decided, pended or refused."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from claimlinc.contract import Decision, LineDecision, Outcome
from masterlinc.clock import RIYADH, Clock
from masterlinc.money import ZERO, Money, money
from nphieslinc.envelope import Envelope
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import Node, Tree, write
from nphieslinc.fhir.systems import (
    ADJUDICATION,
    ADJUDICATION_ERROR,
    ADJUDICATION_OUTCOME,
    ADJUDICATION_REASON,
    CODES,
    KSA_ADJUDICATION,
    extension_url,
)
from nphieslinc.writing.header import Sender, header
from nphieslinc.writing.shapes import bundle, concept, extension, resource, sar


class MessageIds(Struct, frozen=True):
    """The ids of an answer."""

    bundle: UUID
    header: UUID
    response: UUID


class Responder(Struct, frozen=True):
    """Who answers: the payer, or the hub itself."""

    end: Sender
    base: str
    decision_system: str = ""  # the system of the answer's identifier; the payer's own decision number stands in it


def decided(request: Envelope, decision: Decision, responder: Responder, clock: Clock, ids: MessageIds) -> bytes:
    """Return the complete answer to a request: outcome complete, lines, totals (BV-00250 and its neighbours).

    What people still decide is not complete (BV-00463): it is answered as pended.
    """
    if decision.outcome is Outcome.PENDED:
        return pended(request, decision.disposition, responder, clock, ids)
    notes = [note for line in decision.lines for note in _notes(line)]
    asked = request.focus.value if request.focus is not None else {}
    return _answer(
        request,
        responder,
        clock,
        ids,
        {
            "extension": [_outcome(decision.outcome)],
            "outcome": "complete",
            "disposition": decision.disposition,
            "preAuthRef": decision.preauth_ref if asked.get("use") == "preauthorization" else None,
            "payeeType": concept("http://terminology.hl7.org/CodeSystem/payeetype", "provider"),
            "item": [_item(line, place, _invoices(request)) for place, line in enumerate(decision.lines)],
            "total": _totals(decision),
            "processNote": [{"number": place + 1} | note for place, note in enumerate(notes)],
        },
    )


def pended(request: Envelope, disposition: str, responder: Responder, clock: Clock, ids: MessageIds) -> bytes:
    """Return the answer that the payer will decide later: queued and pended, without lines (BV-00395)."""
    parts = {"extension": [_outcome(Outcome.PENDED)], "outcome": "queued", "disposition": disposition}
    return _answer(request, responder, clock, ids, parts)


def refused(
    request: Envelope, faults: Iterable[BrokenRule], responder: Responder, clock: Clock, ids: MessageIds
) -> bytes:
    """Return the answer that the request is in error: errors with their paths, no lines (BV-00505)."""
    listed = list(faults)
    parts = {"outcome": "error", "disposition": listed[0].detail, "error": [_error(fault) for fault in listed]}
    return _answer(request, responder, clock, ids, parts)


def operation_outcome(faults: Iterable[BrokenRule]) -> bytes:
    """Return the lone OperationOutcome that answers what is no message."""
    issues = [
        {
            "severity": "error",
            "code": "invalid",
            "details": concept(ADJUDICATION_ERROR, fault.rule, fault.detail),
            "expression": [fault.path],
        }
        for fault in faults
    ]
    return write({"resourceType": "OperationOutcome", "issue": issues})


def _answer(request: Envelope, responder: Responder, clock: Clock, ids: MessageIds, parts: Tree) -> bytes:
    url = f"{responder.base}/ClaimResponse/{ids.response}"
    event = request.event.replace("-request", "-response")
    provider = Sender("provider", request.sender, _endpoint(request))
    response = {"identifier": request.header_id, "code": "ok"}
    head = header(str(ids.header), event, responder.end, provider, focus=url, response=response)
    claim = request.focus
    assert claim is not None
    entries = [
        {"fullUrl": f"urn:uuid:{ids.header}", "resource": head},
        {"fullUrl": url, "resource": _response(request, claim, responder, clock, ids) | _present(parts)},
        *_referenced(request, claim),
    ]
    return write(bundle(str(ids.bundle), clock.now().isoformat(timespec="milliseconds"), entries))


def _endpoint(request: Envelope) -> str:
    source = request.header.value.get("source")
    endpoint = source.get("endpoint") if isinstance(source, dict) else None
    return endpoint if isinstance(endpoint, str) else "http://provider.invalid"


def _response(request: Envelope, claim: Node, responder: Responder, clock: Clock, ids: MessageIds) -> Tree:
    asked = claim.value
    numbers = asked.get("identifier") or [{}]
    return resource(
        "ClaimResponse",
        str(ids.response),
        "claim-response" if request.event == "claim-request" else "prior-auth-response",
        identifier=[
            {"system": responder.decision_system or f"{responder.base}/claimresponse", "value": str(ids.response)}
        ],
        status="active",
        type=asked.get("type"),
        subType=asked.get("subType"),
        use=asked.get("use"),
        patient=asked.get("patient"),
        created=clock.now().astimezone(RIYADH).isoformat(timespec="seconds"),
        insurer=asked.get("insurer"),
        requestor=asked.get("provider"),
        request={"type": "Claim", "identifier": numbers[0]},
        insurance=_insurance(claim),
    )


def _insurance(claim: Node) -> list[Tree]:
    kept = ("sequence", "focal", "coverage")
    return [{name: node.value[name] for name in kept if name in node.value} for node in claim.children("insurance")]


def _present(parts: Tree) -> Tree:
    return {name: value for name, value in parts.items() if value not in (None, [], "")}


def _referenced(request: Envelope, claim: Node) -> list[Tree]:
    """Return the people, coverage and organizations of the request as they came, so that every reference resolves."""
    kept = {"Patient", "Coverage", "Organization"}
    return [
        {"fullUrl": entry.url, "resource": entry.resource}
        for entry in request.message.entries
        if entry.type in kept and entry.resource is not claim.value
    ]


def _outcome(outcome: Outcome) -> Tree:
    return extension("adjudication-outcome", "valueCodeableConcept", concept(ADJUDICATION_OUTCOME, outcome.value))


def _invoices(request: Envelope) -> dict[int, Tree]:
    """Find the patient invoices of the request, which its answer repeats (BV-00537)."""
    found: dict[int, Tree] = {}
    for node in request.focus.children("item") if request.focus is not None else ():
        invoice = node.extension("patientInvoice")
        number = invoice.child("valueIdentifier") if invoice else None
        sequence = node.count("sequence")
        if number is not None and sequence is not None:
            found[sequence] = number.value
    return found


def _item(line: LineDecision, place: int, invoices: dict[int, Tree]) -> Tree:
    extensions = [_outcome(line.outcome)]
    if line.sequence in invoices:
        extensions.append(extension("patientInvoice", "valueIdentifier", invoices[line.sequence]))
    return {
        "extension": extensions,
        "itemSequence": line.sequence,
        "noteNumber": [2 * place + 1, 2 * place + 2],
        "adjudication": _adjudications(line),
    }


def _adjudications(line: LineDecision) -> list[Tree]:
    benefit = _amount(ADJUDICATION, "benefit", money(line.payer_share - line.payer_tax))
    if line.denial_code:
        benefit["reason"] = concept(ADJUDICATION_REASON, line.denial_code, line.reason)
    refused_part = line.billed - line.allowed - line.tax
    found = [
        _amount(ADJUDICATION, "submitted", line.billed),
        _amount(ADJUDICATION, "eligible", line.allowed),
        _amount(ADJUDICATION, "deductible", line.deductible),
        _amount(ADJUDICATION, "copay", line.copay),
        benefit,
        _amount(ADJUDICATION, "tax", line.payer_tax),
        _amount(KSA_ADJUDICATION, "patientShare", line.patient_share),
    ]
    if refused_part > 0:
        found.append(_amount(KSA_ADJUDICATION, "rejected", money(refused_part)))
    quantity = {"category": concept(KSA_ADJUDICATION, "approved-quantity"), "value": line.approved_quantity}
    return [*found, quantity]


def _amount(system: str, category: str, amount: Money) -> Tree:
    return {"category": concept(system, category), "amount": sar(amount)}


def _totals(decision: Decision) -> list[Tree]:
    totals = decision.totals
    return [
        _amount(ADJUDICATION, "submitted", totals.billed),
        _amount(ADJUDICATION, "eligible", totals.allowed),
        _amount(ADJUDICATION, "deductible", totals.deductible),
        _amount(ADJUDICATION, "copay", totals.copay),
        _amount(ADJUDICATION, "benefit", money(max(totals.payer_share - totals.payer_tax, ZERO))),
        _amount(ADJUDICATION, "tax", totals.payer_tax),
        _amount(KSA_ADJUDICATION, "patientShare", totals.patient_share),
    ]


def _notes(line: LineDecision) -> list[Tree]:
    """Return why, in English and Arabic: two notes a line."""
    words = (("en", line.reason), ("ar", line.reason_ar))
    return [{"type": "display", "text": text, "language": concept(CODES + "languages", code)} for code, text in words]


def _error(fault: BrokenRule) -> Tree:
    held = concept(ADJUDICATION_ERROR, fault.rule, fault.detail)
    held["coding"][0]["extension"] = [{"url": extension_url("error-expression"), "valueString": fault.path}]
    return {"code": held}
