"""What a rule is, and what it looks at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nphieslinc.envelope import Envelope
from nphieslinc.fhir import Message, Node
from nphieslinc.reading.coding import first_code


@dataclass(frozen=True, slots=True)
class Case:
    """A request under check. Its nodes note what they cannot read in a list that nobody looks at."""

    envelope: Envelope
    message: Message
    claim: Node
    claim_type: str
    use: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A place where a rule is broken, and the values that its words speak of."""

    path: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of NPHIES by its id, in our words; `find` names the places that break it."""

    id: str
    detail: str
    detail_ar: str
    find: Callable[[Case], Iterable[Finding]]


def case_of(envelope: Envelope, focus: Node) -> Case:
    """Look at an envelope afresh, so that the check leaves the reading's faults alone."""
    message = Message(envelope.message.tree)
    claim = Node(focus.value, focus.path, focus.element, message.faults)
    return Case(envelope, message, claim, first_code(claim.child("type")) or "", claim.text("use") or "")
