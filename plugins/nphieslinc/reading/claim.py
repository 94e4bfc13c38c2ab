"""A claim-request or priorauth-request becomes a ClaimSubmission."""

from datetime import date
from enum import Enum
from typing import TypeVar

from claimlinc.contract import ClaimSubmission, ClaimType, Identifier, RelatedClaim, Use
from masterlinc.money import ZERO, Money
from nphieslinc.envelope import CLAIM_EVENTS, USE_OF_EVENT, Envelope
from nphieslinc.errors import EventNotBuilt, NotNphies
from nphieslinc.fhir import Message, Node
from nphieslinc.fhir.elements import unresolved
from nphieslinc.reading.coding import first_code, identifier, license_of
from nphieslinc.reading.cover import read_cover
from nphieslinc.reading.information import read_diagnoses, read_information
from nphieslinc.reading.lines import read_lines
from nphieslinc.reading.person import read_care_team, read_subject

_Choice = TypeVar("_Choice", bound=Enum)


def read_submission(envelope: Envelope) -> ClaimSubmission:
    """Read the claim of a request of any of the five types; raises NotNphies with every fault and its path."""
    message, claim = envelope.message, envelope.focus
    if envelope.event not in CLAIM_EVENTS or claim is None:
        raise not_built(envelope.event)
    submission = _submission(envelope, message, claim)
    if message.faults:
        raise NotNphies.of(message.faults)
    return submission


def not_built(event: str) -> EventNotBuilt:
    """Make the error for a known event that is not taken here."""
    built = ", ".join(sorted(CLAIM_EVENTS))
    detail = f"the event {event} is not taken yet; taken are: {built}"
    return EventNotBuilt(
        detail, f"لا يُستقبل الحدث {event} بعد، والأحداث المتاحة: {built}", extra={"events": sorted(CLAIM_EVENTS)}
    )


def _submission(envelope: Envelope, message: Message, claim: Node) -> ClaimSubmission:
    patient, provider, insurer = (_party(message, claim, name) for name in ("patient", "provider", "insurer"))
    cover, preauth_refs = read_cover(message, claim, patient)
    information, documents = read_information(claim)
    return ClaimSubmission(
        claim_type=_choice(claim, "type", ClaimType, first_code(claim.child("type"))) or ClaimType.PROFESSIONAL,
        use=_use(envelope, claim),
        identifier=_identifier(claim),
        created=claim.needed("created", claim.day("created")) or date.min,
        provider_license=license_of(provider, "provider-license") or envelope.sender,
        payer_license=license_of(insurer, "payer-license") or envelope.receiver,
        subject=read_subject(patient) if patient is not None else read_subject(claim),
        cover=cover,
        lines=read_lines(claim),
        total=_total(claim),
        sub_type=first_code(claim.child("subType")),
        priority=first_code(claim.child("priority")) or "normal",
        provider_name=provider.text("name") if provider else None,
        payer_name=insurer.text("name") if insurer else None,
        diagnoses=read_diagnoses(message, claim),
        care_team=read_care_team(message, claim),
        supporting_info=information,
        attachments=documents,
        related=tuple(one for node in claim.children("related") if (one := _related(node))),
        preauth_refs=preauth_refs,
        episode=_episode(claim),
        encounter_class=_encounter_class(message, claim),
    )


def _party(message: Message, claim: Node, name: str) -> Node | None:
    reference = claim.needed(name, claim.child(name))
    if reference is None:
        return None
    found = message.resolve(reference, claim)
    if found is None:
        detail = f"Claim.{name} points at no resource of this bundle"
        claim.note(unresolved(f"Claim.{name}"), name, detail, f"لا يشير Claim.{name} إلى أي مورد ضمن هذه الحزمة")
    return found


def _choice(claim: Node, name: str, kind: type[_Choice], value: str | None) -> _Choice | None:
    known = {str(one.value): one for one in kind}
    if claim.needed(name, value) is not None and value not in known:
        listed = ", ".join(known)
        rule = "IB-00047" if name == "type" else "IB-00048"
        claim.note(rule, name, f"Claim.{name} must be one of {listed}", f"يجب أن يكون Claim.{name} واحداً من {listed}")
    return known.get(value or "")


def _use(envelope: Envelope, claim: Node) -> Use:
    use = _choice(claim, "use", Use, claim.text("use"))
    if use is not None and use.value != USE_OF_EVENT[envelope.event]:
        detail = f"Claim.use {use.value} does not fit the event {envelope.event}"
        claim.note("BV-00165", "use", detail, f"قيمة Claim.use وهي {use.value} لا تتفق مع الحدث {envelope.event}")
    return use or Use.CLAIM


def _identifier(claim: Node) -> Identifier:
    listed = [identifier(node) for node in claim.children("identifier")]
    found = claim.needed("identifier", next((one for one in listed if one), None))
    return found or Identifier("", "")


def _total(claim: Node) -> Money:
    total = claim.needed("total", claim.money("total"))
    return ZERO if total is None else total


def _related(node: Node) -> RelatedClaim | None:
    earlier = node.child("claim")
    number = identifier(earlier.child("identifier")) if earlier else None
    if number is None and earlier is not None and (reference := earlier.text("reference")):
        number = Identifier("", reference)
    return RelatedClaim(number, first_code(node.child("relationship")) or "associated") if number else None


def _episode(claim: Node) -> str | None:
    extension = claim.extension("episode")
    number = extension.child("valueIdentifier") if extension else None
    return number.text("value") if number else None


def _encounter_class(message: Message, claim: Node) -> str | None:
    extension = claim.extension("encounter")
    encounter = message.resolve(extension.child("valueReference"), claim) if extension else None
    held = encounter.child("class") if encounter else None
    return held.text("code") if held else None
