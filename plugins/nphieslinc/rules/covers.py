"""Rules on the coverage."""

from collections.abc import Iterator

from nphieslinc.reading.coding import first_code
from nphieslinc.rules.rule import Case, Finding, Rule


def _one_plan(case: Case) -> Iterator[Finding]:
    for coverage in case.message.of_type("Coverage"):
        plans = [node for node in coverage.children("class") if first_code(node.child("type")) == "plan"]
        if len(plans) != 1:
            yield Finding(f"{coverage.path}.class", {"count": str(len(plans))})


RULES = (
    Rule(
        "BV-00729",
        "a coverage has exactly one class of type plan; this one has {count}",
        "يجب أن تحتوي التغطية على فئة واحدة فقط من نوع plan، وعددها هنا {count}",
        _one_plan,
    ),
)
