"""Rules on the coverage."""

from collections.abc import Iterator

from nphieslinc.reading.coding import first_code
from nphieslinc.rules.rule import Case, Finding, Rule


def _one_plan(case: Case) -> Iterator[Finding]:
    for coverage in case.message.of_type("Coverage"):
        plans = [node for node in coverage.children("class") if first_code(node.child("type")) == "plan"]
        if len(plans) != 1:
            yield Finding(f"{coverage.path}.class", {"count": str(len(plans))})


def _policy_holder(case: Case) -> Iterator[Finding]:
    yield from _without(case, "policyHolder")


def _beneficiary(case: Case) -> Iterator[Finding]:
    yield from _without(case, "beneficiary")


def _relationship(case: Case) -> Iterator[Finding]:
    yield from _without(case, "relationship")


def _type(case: Case) -> Iterator[Finding]:
    yield from _without(case, "type")


def _payor(case: Case) -> Iterator[Finding]:
    yield from _without(case, "payor")


def _without(case: Case, name: str) -> Iterator[Finding]:
    for coverage in case.message.of_type("Coverage"):
        if not coverage.value.get(name):
            yield Finding(f"{coverage.path}.{name}")


RULES = (
    Rule(
        "BV-00729",
        "a coverage has exactly one class of type plan; this one has {count}",
        "يجب أن تحتوي التغطية على فئة واحدة فقط من نوع plan، وعددها هنا {count}",
        _one_plan,
    ),
    Rule("IC-01564", "a coverage names its policy holder", "يجب تحديد صاحب الوثيقة في التغطية", _policy_holder),
    Rule("IC-00131", "a coverage names its beneficiary", "يجب تحديد المستفيد في التغطية", _beneficiary),
    Rule(
        "IC-00141",
        "a coverage names the relationship to the subscriber",
        "يجب تحديد صلة القرابة بالمؤمن له",
        _relationship,
    ),
    Rule("IC-00143", "a coverage has a type", "يجب تحديد نوع التغطية", _type),
    Rule("IC-00140", "a coverage names its payor", "يجب تحديد الجهة الدافعة في التغطية", _payor),
)
