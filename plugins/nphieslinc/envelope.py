"""What makes a bundle a NPHIES message, and of which event."""

from dataclasses import dataclass

from nphieslinc.errors import NotNphies, UnknownEvent
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import Message, Node, Tree

# The 25 codes of ksa-message-events.
EVENTS = frozenset(
    f"{subject}-{part}"
    for subject in ("eligibility", "priorauth", "claim", "batch", "cancel", "nullify", "poll", "prescriber")
    for part in ("request", "response")
) | {
    "status-check",
    "status-response",
    "communication-request",
    "communication",
    "payment-reconciliation",
    "payment-notice",
    "acknowledgement",
    "error-notice",
    "advanced-authorization",
}
CLAIM_EVENTS = frozenset({"claim-request", "priorauth-request"})
ANSWER_EVENTS = frozenset({"claim-response", "priorauth-response"})
USE_OF_EVENT = {"claim-request": "claim", "priorauth-request": "preauthorization"}
_FOCUS = dict.fromkeys(CLAIM_EVENTS, "Claim") | dict.fromkeys(ANSWER_EVENTS, "ClaimResponse")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends what to whom; `response_to` is the MessageHeader.id that an answer answers."""

    bundle_id: str
    header_id: str
    event: str
    sender: str
    receiver: str
    message: Message
    header: Node
    focus: Node | None
    response_to: str | None = None
    response_code: str | None = None


def open_envelope(tree: Tree) -> Envelope:
    """Check the envelope (Bundle, MessageHeader, event, parties, focus); raises NotNphies or UnknownEvent."""
    message = Message(tree)
    bundle = message.bundle
    _check_bundle(bundle)
    header = _header(message)
    event = _event(header)
    parties = _license(header, "sender"), _license(_destination(header), "receiver")
    ids = bundle.needed("id", bundle.key("id")), header.needed("id", header.key("id"))
    answers = header.child("response")
    focus = _focus(message, header, event)
    if message.faults:
        raise NotNphies.of(message.faults)
    return Envelope(
        bundle_id=ids[0] or "",
        header_id=ids[1] or "",
        event=event,
        sender=parties[0],
        receiver=parties[1],
        message=message,
        header=header,
        focus=focus,
        response_to=answers.text("identifier") if answers else None,
        response_code=answers.text("code") if answers else None,
    )


def _check_bundle(bundle: Node) -> None:
    if bundle.value.get("resourceType") != "Bundle":
        bundle.note("IC-01318", "resourceType", "the body must be a FHIR Bundle", "يجب أن تكون الرسالة من نوع Bundle")
    elif bundle.value.get("type") != "message":
        bundle.note("BV-00130", "type", "the Bundle's type must be message", "يجب أن يكون نوع الحزمة message")
    seen: set[str] = set()
    for entry in bundle.children("entry"):
        entry.needed("resource", entry.child("resource"))
        url = entry.needed("fullUrl", entry.text("fullUrl"))
        if url is not None and url in seen:
            entry.note(
                "FR-00007", "fullUrl", "this fullUrl stands twice in the bundle", "تكرر الرابط fullUrl في الحزمة"
            )
        seen.add(url or "")
    if bundle.faults:
        raise NotNphies.of(bundle.faults)


def _header(message: Message) -> Node:
    first = message.entries[0] if message.entries else None
    if first is None or first.type != "MessageHeader":
        detail = "the first resource of a message must be its MessageHeader"
        fault = BrokenRule(
            "FR-00012", "Bundle.entry[0].resource", detail, "يجب أن يكون المورد الأول في الرسالة MessageHeader"
        )
        raise NotNphies.of([fault])
    return message.node(first)


def _event(header: Node) -> str:
    coding = header.needed("eventCoding", header.child("eventCoding"))
    code = coding.needed("code", coding.text("code")) if coding else None
    if code is None:
        raise NotNphies.of(header.faults)
    if code not in EVENTS:
        detail, detail_ar = f"there is no event {code[:60]!r}", f"لا يوجد حدث باسم {code[:60]!r}"
        raise UnknownEvent.of([BrokenRule("IB-00169", f"{header.path}.eventCoding.code", detail, detail_ar)])
    return code


def _destination(header: Node) -> Node | None:
    listed = header.children("destination")
    if len(listed) != 1:
        header.note(
            "IC-00375", "destination", "a message has exactly one destination", "يجب تحديد وجهة واحدة فقط للرسالة"
        )
    return listed[0] if listed else None


def _license(holder: Node | None, name: str) -> str:
    if holder is None:
        return ""
    party = holder.needed(name, holder.child(name))
    identifier = party.needed("identifier", party.child("identifier")) if party else None
    return (identifier.needed("value", identifier.key("value")) if identifier else None) or ""


def _focus(message: Message, header: Node, event: str) -> Node | None:
    wanted = _FOCUS.get(event)
    if wanted is None:
        return None
    listed = header.children("focus")
    if len(listed) != 1:
        rule = "BV-00221" if listed else "IC-00379"
        header.note(rule, "focus", f"{event} has exactly one focus", f"يجب أن تشير الرسالة {event} إلى مورد رئيسي واحد")
        return None
    focus = message.resolve(listed[0])
    if focus is None:
        detail = "the focus points at no resource of this bundle"
        header.note("RE-00100", "focus[0].reference", detail, "لا يشير focus إلى أي مورد ضمن هذه الحزمة")
    elif focus.element != wanted:
        detail = f"the focus of {event} must be a {wanted}"
        header.note(
            "BV-00167", "focus[0].reference", detail, f"يجب أن يكون المورد الرئيسي للرسالة {event} من نوع {wanted}"
        )
    return focus
