"""A message, or a resource alone, against the rules of the exchange, in layers; nothing is stored or sent."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from nphieslinc.elements import check_resource
from nphieslinc.elements.words import LONGEST_NAME
from nphieslinc.envelope import CLAIM_EVENTS, open_envelope
from nphieslinc.errors import BrokenMessage
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import Tree, parse
from nphieslinc.reading import read_submission
from nphieslinc.rules import check

_FHIR, _PROFILE = frozenset({"DT", "FR"}), frozenset({"IC", "IB", "RE"})
Words = tuple[str, str]  # English, Arabic
# Why business rules were not checked.
_ALONE = "they need the whole message bundle", "تتطلب حزمة الرسالة كاملة"
_BROKEN = "the envelope has to be sound first", "يجب تصحيح غلاف الرسالة أولاً"
_NOT_BUILT = "those of this event are not built", "قواعد هذا الحدث غير متوفرة بعد"
_TYPE_OF_FHIR = "GE-00035"  # a value of a wrong type where no rule is about the element itself


class Layer(StrEnum):
    """A layer of the check, each one more than the one before it."""

    FHIR = "fhir_schema"
    PROFILE = "nphies_profile"
    BUSINESS = "business_rules"


NAMES = {
    Layer.FHIR: ("FHIR R4 schema", "مخطط FHIR R4"),
    Layer.PROFILE: ("NPHIES profile", "ملف نفيس التعريفي"),
    Layer.BUSINESS: ("Business rules", "قواعد العمل"),
}


class LayerReport(Struct, frozen=True):
    """What one layer found; `checked` is False where it could not look, and `note` says why."""

    layer: Layer
    name: str
    name_ar: str
    checked: bool
    is_valid: bool
    findings: list[BrokenRule]
    note: str = ""
    note_ar: str = ""


class Report(Struct, frozen=True):
    """What all layers found."""

    is_valid: bool
    layers: list[LayerReport]
    summary: str
    summary_ar: str


def validate(data: bytes, level: Layer = Layer.BUSINESS) -> Report:
    """Check a message bundle, or one resource of it alone, up to a layer; raises Malformed for what is no JSON."""
    tree = parse(data)
    is_bundle = tree.get("resourceType") == "Bundle"
    found, why_not = _whole(tree) if is_bundle else (check_resource(tree, _named(tree)), _ALONE)
    layers = [_report(layer, found, why_not) for layer in _up_to(level)]
    broken = sum(len(layer.findings) for layer in layers)
    summary, summary_ar = _summary(broken, layers)
    return Report(not broken, layers, summary, summary_ar)


def _whole(tree: Tree) -> tuple[list[BrokenRule], Words | None]:
    """Check a bundle as taking it in would; say why business rules were not checked, where they were not."""
    try:
        envelope = open_envelope(tree)
    except BrokenMessage as fault:
        return _with(check_resource(tree, "Bundle"), fault), _BROKEN
    found = [*check(envelope)]
    if envelope.event not in CLAIM_EVENTS:
        return found, _NOT_BUILT
    try:
        read_submission(envelope)
    except BrokenMessage as fault:
        return _with(found, fault), None
    return found, None


def _named(tree: Tree) -> str:
    """Return what the paths of a resource alone begin with."""
    return str(tree.get("resourceType"))[:LONGEST_NAME]


def _with(found: list[BrokenRule], fault: BrokenMessage) -> list[BrokenRule]:
    """Add what was refused to what was found, each rule once at a place."""
    known = {(one.rule, one.path) for one in found}
    refused = [BrokenRule(one.code, one.path, one.detail, one.detail_ar) for one in fault.errors]
    return [*found, *(one for one in refused if (one.rule, one.path) not in known)]


def _up_to(level: Layer) -> Iterator[Layer]:
    for layer in Layer:
        yield layer
        if layer is level:
            return


def _layer_of(rule: str) -> Layer:
    family = rule.partition("-")[0]
    if family in _FHIR or rule == _TYPE_OF_FHIR:
        return Layer.FHIR
    return Layer.PROFILE if family in _PROFILE else Layer.BUSINESS


def _report(layer: Layer, found: Iterable[BrokenRule], why_not: Words | None) -> LayerReport:
    findings = [one for one in found if _layer_of(one.rule) is layer]
    note = why_not if layer is Layer.BUSINESS else None
    return LayerReport(layer, *NAMES[layer], note is None, not findings, findings, *(note or ("", "")))


def _summary(broken: int, layers: list[LayerReport]) -> tuple[str, str]:
    looked = ", ".join(layer.name for layer in layers if layer.checked)
    looked_ar = "، ".join(layer.name_ar for layer in layers if layer.checked)
    if not broken:
        return f"No rule is broken ({looked}).", f"لا توجد مخالفات ({looked_ar})."
    rules = f"{broken} place breaks a rule" if broken == 1 else f"{broken} places break rules"
    return f"{rules} ({looked}).", f"عدد المخالفات: {broken} ({looked_ar})."
