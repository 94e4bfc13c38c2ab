"""Rules on the claim as a whole and on its lines, money aside."""

from collections.abc import Iterator

from nphieslinc.reading.coding import first_code
from nphieslinc.rules.rule import Case, Finding, Rule

_CLASSES = {
    "institutional": ("BV-00741", frozenset({"IMP", "SS"})),
    "professional": ("BV-00742", frozenset({"EMER", "AMB", "HH", "VR"})),
    "oral": ("BV-00743", frozenset({"AMB"})),
}
_WITH_ENCOUNTER = frozenset(_CLASSES)
_WITH_MATERNITY = frozenset({"institutional", "professional"})
_WITH_CARE_TEAM = frozenset({"institutional", "professional", "oral"})


def _principal(case: Case) -> Iterator[Finding]:
    count = sum(
        first_code(kind) == "principal" for node in case.claim.children("diagnosis") for kind in node.children("type")
    )
    if count != 1:
        yield Finding(f"{case.claim.path}.diagnosis", {"count": str(count)})


def _encounter_resolves(case: Case) -> Iterator[Finding]:
    extension = case.claim.extension("encounter")
    if extension is not None and case.message.resolve(extension.child("valueReference"), case.claim) is None:
        yield Finding(f"{extension.path}.valueReference")


def _class_rule(claim_type: str) -> Rule:
    rule, allowed = _CLASSES[claim_type]

    def find(case: Case) -> Iterator[Finding]:
        extension = case.claim.extension("encounter") if case.claim_type == claim_type else None
        encounter = case.message.resolve(extension.child("valueReference"), case.claim) if extension else None
        held = encounter.child("class") if encounter else None
        code = held.text("code") if held else None
        if encounter is not None and code not in allowed:
            yield Finding(f"{encounter.path}.class", {"code": code or "-"})

    listed = ", ".join(sorted(allowed))
    detail = f"the encounter of this claim type has the class {listed}; this one has {{code}}"
    return Rule(rule, detail, f"يجب أن تكون فئة الزيارة لهذا النوع {listed}، وهي هنا {{code}}", find)


def _serviced(case: Case) -> Iterator[Finding]:
    for item in case.claim.children("item"):
        if ("servicedDate" in item.value) == ("servicedPeriod" in item.value):
            yield Finding(f"{item.path}.serviced[x]")


RULES = (
    Rule(
        "BV-00054",
        "a claim has exactly one principal diagnosis; this one has {count}",
        "يجب أن تحتوي المطالبة على تشخيص رئيسي واحد فقط، وعددها هنا {count}",
        _principal,
    ),
    Rule(
        "RE-00189",
        "the encounter points at no resource of this bundle",
        "لا تشير الزيارة إلى أي مورد ضمن هذه الحزمة",
        _encounter_resolves,
    ),
    *(_class_rule(claim_type) for claim_type in _CLASSES),
    Rule(
        "BV-00066",
        "a line has either a service date or a service period",
        "يجب تحديد تاريخ الخدمة أو فترتها لكل بند، وليس كليهما",
        _serviced,
    ),
)
