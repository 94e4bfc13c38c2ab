"""The insurance of a claim."""

from claimlinc.contract import Cover
from nphieslinc.fhir import Message, Node
from nphieslinc.reading.coding import first_code, identifiers
from nphieslinc.reading.person import read_subject


def read_cover(message: Message, claim: Node, patient: Node | None) -> tuple[Cover, tuple[str, ...]]:
    """Read the focal coverage of a claim, and the authorization numbers that stand beside it."""
    listed = claim.children("insurance")
    claim.needed("insurance", listed or None)
    if not listed:
        return Cover(), ()
    focal = next((node for node in listed if node.value.get("focal") is True), listed[0])
    coverage = message.resolve(focal.needed("coverage", focal.child("coverage")), claim)
    references = tuple(dict.fromkeys(one for node in listed for one in node.texts("preAuthRef")))
    return (_cover(message, coverage, patient) if coverage is not None else Cover()), references


def _cover(message: Message, coverage: Node, patient: Node | None) -> Cover:
    numbers = identifiers(coverage)
    classes = {first_code(node.child("type")): node.text("value") for node in coverage.children("class")}
    subscriber = message.resolve(coverage.child("subscriber"))
    other = subscriber is not None and (patient is None or subscriber.path != patient.path)
    return Cover(
        member_id=numbers[0].value if numbers else coverage.text("subscriberId"),
        member_id_system=numbers[0].system if numbers else None,
        policy_number=classes.get("group"),
        policy_class=classes.get("plan"),
        relationship=first_code(coverage.child("relationship")),
        network=coverage.text("network"),
        subscriber=read_subject(subscriber) if subscriber is not None and other else None,
    )
