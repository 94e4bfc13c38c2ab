"""Rules on supporting information that a claim type must carry."""

from collections.abc import Iterator

from nphieslinc.reading.coding import first_code
from nphieslinc.rules.rule import Case, Finding, Rule

_NAMES = {
    "vital-sign-diastolic": ("diastolic blood pressure", "ضغط الدم الانبساطي"),
    "vital-sign-systolic": ("systolic blood pressure", "ضغط الدم الانقباضي"),
    "vital-sign-height": ("height", "الطول"),
    "vital-sign-weight": ("weight", "الوزن"),
    "pulse": ("pulse", "النبض"),
    "temperature": ("temperature", "درجة الحرارة"),
    "respiratory-rate": ("respiratory rate", "معدل التنفس"),
    "oxygen-saturation": ("oxygen saturation", "تشبع الأكسجين"),
    "chief-complaint": ("chief complaint", "الشكوى الرئيسية"),
}
# A category is carried with its value, or with the reason why there is none.
_REQUIRED = (
    ("BV-00763", "institutional", "vital-sign-diastolic"),
    ("BV-00764", "institutional", "vital-sign-systolic"),
    ("BV-00765", "institutional", "pulse"),
    ("BV-00766", "institutional", "temperature"),
    ("BV-00767", "institutional", "vital-sign-height"),
    ("BV-00768", "institutional", "respiratory-rate"),
    ("BV-00769", "institutional", "vital-sign-weight"),
    ("BV-00770", "institutional", "chief-complaint"),
    ("BV-00771", "institutional", "oxygen-saturation"),
    ("BV-00772", "professional", "vital-sign-diastolic"),
    ("BV-00773", "professional", "vital-sign-systolic"),
    ("BV-00774", "professional", "pulse"),
    ("BV-00775", "professional", "temperature"),
    ("BV-00776", "professional", "vital-sign-height"),
    ("BV-00777", "professional", "respiratory-rate"),
    ("BV-00778", "professional", "vital-sign-weight"),
    ("BV-00779", "professional", "chief-complaint"),
    ("BV-00780", "professional", "oxygen-saturation"),
    ("BV-00751", "oral", "chief-complaint"),
)


def _rule(rule: str, claim_type: str, category: str) -> Rule:
    def find(case: Case) -> Iterator[Finding]:
        if case.claim_type == claim_type and category not in _categories(case):
            yield Finding(f"{case.claim.path}.supportingInfo")

    name, name_ar = _NAMES[category]
    types_ar = {"institutional": "مؤسسية", "professional": "مهنية", "oral": "لطب الأسنان"}
    detail_ar = f"يجب إرفاق {name_ar} في كل مطالبة {types_ar[claim_type]}"
    return Rule(rule, f"an {claim_type} claim carries the {name}".replace("an p", "a p"), detail_ar, find)


def _categories(case: Case) -> set[str | None]:
    return {first_code(node.child("category")) for node in case.claim.children("supportingInfo")}


RULES = tuple(_rule(*row) for row in _REQUIRED)
