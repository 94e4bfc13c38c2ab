"""The billed lines of a claim."""

from claimlinc.contract import Coding, Line, SubLine
from masterlinc.money import ZERO, Money, Quantity
from nphieslinc.fhir import Node
from nphieslinc.reading.coding import codes, first_code

_ONE = Quantity(1)


def read_lines(claim: Node) -> tuple[Line, ...]:
    """Read Claim.item; a line that lacks what money needs is noted."""
    listed = claim.children("item")
    claim.needed("item", listed or None)
    lines = tuple(_line(node) for node in listed)
    _check_sequences(listed, [line.sequence for line in lines])
    return lines


def _line(node: Node) -> Line:
    site = node.child("bodySite")
    period = node.child("servicedPeriod")
    return Line(
        sequence=_sequence(node),
        codes=_codes(node),
        quantity=_needed_quantity(node),
        unit_price=_needed_money(node, "unitPrice"),
        net=_needed_money(node, "net"),
        tax=_extension_money(node, "tax") or ZERO,
        factor=_ONE if (factor := node.number("factor")) is None else factor,
        service_date=node.day("servicedDate") or (period.day("start") if period else None),
        service_end=period.day("end") if period else None,
        patient_share=_extension_money(node, "patient-share"),
        package=_extension_flag(node, "package"),
        maternity=_extension_flag(node, "maternity"),
        body_site=first_code(site),
        surfaces=tuple(code.code for surface in node.children("subSite") for code in codes(surface)),
        diagnosis_sequences=tuple(node.counts("diagnosisSequence")),
        care_team_sequences=tuple(node.counts("careTeamSequence")),
        information_sequences=tuple(node.counts("informationSequence")),
        invoice=_invoice(node),
        details=tuple(_detail(detail) for detail in node.children("detail")),
    )


def _detail(node: Node) -> SubLine:
    return SubLine(
        sequence=_sequence(node),
        codes=_codes(node),
        quantity=_needed_quantity(node),
        unit_price=_needed_money(node, "unitPrice"),
        net=_needed_money(node, "net"),
        tax=_extension_money(node, "tax") or ZERO,
    )


def _sequence(node: Node) -> int:
    return node.needed("sequence", node.count("sequence")) or 0


def _codes(node: Node) -> tuple[Coding, ...]:
    service = node.needed("productOrService", node.child("productOrService"))
    found = codes(service)
    if service is not None:
        service.needed("coding", found or None)
    return found


def _needed_money(node: Node, name: str) -> Money:
    amount = node.needed(name, node.money(name))
    return ZERO if amount is None else amount


def _needed_quantity(node: Node) -> Quantity:
    amount = node.needed("quantity", node.quantity("quantity"))
    return _ONE if amount is None else amount


def _extension_money(node: Node, name: str) -> Money | None:
    extension = node.extension(name)
    return extension.money("valueMoney") if extension else None


def _extension_flag(node: Node, name: str) -> bool:
    extension = node.extension(name)
    return bool(extension and extension.flag("valueBoolean"))


def _invoice(node: Node) -> str | None:
    extension = node.extension("patientInvoice")
    number = extension.child("valueIdentifier") if extension else None
    return number.text("value") if number else None


def _check_sequences(nodes: list[Node], sequences: list[int]) -> None:
    """Two lines of one number cannot be told apart in the answer."""
    seen: set[int] = set()
    for node, sequence in zip(nodes, sequences, strict=True):
        if sequence in seen:
            node.note("BV-00044", "sequence", f"line {sequence} stands twice", f"تكرر رقم البند {sequence}")
        seen.add(sequence)
