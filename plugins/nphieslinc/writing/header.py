"""The MessageHeader of a message of ours."""

from msgspec import Struct

from nphieslinc.fhir import Tree
from nphieslinc.fhir.systems import EVENTS, LICENSE
from nphieslinc.writing.shapes import reference, resource


class Sender(Struct, frozen=True):
    """An end of the exchange: the kind of its licence (provider, payer or nphies), its number and its URL."""

    kind: str
    license: str
    endpoint: str

    @property
    def system(self) -> str:
        """Return the system of its licence."""
        return LICENSE + ("nphies" if self.kind == "nphies" else f"{self.kind}-license")


def header(id_: str, event: str, sender: Sender, receiver: Sender, *, focus: str, response: Tree | None = None) -> Tree:
    """Return a MessageHeader."""
    return resource(
        "MessageHeader",
        id_,
        "message-header",
        eventCoding={"system": EVENTS, "code": event},
        destination=[{"endpoint": receiver.endpoint, "receiver": _party(receiver)}],
        sender=_party(sender),
        source={"endpoint": sender.endpoint},
        response=response,
        focus=[reference(focus)],
    )


def _party(end: Sender) -> Tree:
    return {"type": "Organization", "identifier": {"system": end.system, "value": end.license}}
