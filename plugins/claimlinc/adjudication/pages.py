"""The pages of docs/rules: written from the rules themselves, so that they say what the code does."""

import inspect
from collections.abc import Iterator

from claimlinc.adjudication.cover import CLAIM_RULES
from claimlinc.adjudication.review import REVIEW
from claimlinc.adjudication.rules import RULES, RULES_VERSION
from claimlinc.adjudication.work import ClaimRule, Rule, Stage

_STAGES = {
    Stage.CLAIM: "Asked once, of the claim as a whole; where the member is not known, no other rule looks.",
    Stage.ELIGIBILITY: "All of them look at every line, so that every failed one is in the trace. The first that fails"
    " decides.",
    Stage.EDIT: "Clinical and billing edits. All of them look at a line that stands after eligibility. What rejects"
    " goes before what waits for a person, and that before what cuts; of equals the first decides.",
    Stage.MONEY: "Each goes on from the one before, and only while the line stands: what waits stops there, what is cut"
    " goes on.",
}
_ABOUT = (
    "Lines are decided in the order of the claim; every rule looks in this order. How they work together is told in"
    " [How a claim is decided](../adjudication.md)."
)
_REVIEW = (
    f"[`{REVIEW.id}`]({REVIEW.id}.md) takes the place of the edits and of the price rules on a line that a person of"
    " the payer has ruled on: [Review](../review.md)."
)
_TESTS = "tests/agents/claimlinc/test_rule_cases.py"
_MADE = "<!-- Written by `masterlinc rules docs`: change the rule, not this page. -->"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    rules: tuple[Rule | ClaimRule, ...] = (*CLAIM_RULES, *RULES)
    return {"README.md": _index(rules)} | {f"{rule.id}.md": _page(rule) for rule in (*rules, REVIEW)}


def _index(rules: tuple[Rule | ClaimRule, ...]) -> str:
    parts = ["# The rules, in their order", _MADE, f"Rules version {RULES_VERSION}. {_ABOUT}"]
    place = 0
    for stage in Stage:
        rows = []
        for rule in rules:
            if rule.stage is not stage:
                continue
            place += isinstance(rule, Rule)
            number = place if isinstance(rule, Rule) else ""
            rows.append(f"| {number} | [`{rule.id}`]({rule.id}.md) | {rule.title} | {_denials(rule)} |")
        if rows:
            head = "| # | rule | asks | where it fails |\n|---|---|---|---|"
            parts.append(f"## {stage.value.capitalize()}\n\n{_STAGES[stage]}\n\n{head}\n" + "\n".join(rows))
    parts.append(f"## A person's ruling\n\n{_REVIEW}")
    return "\n\n".join(parts) + "\n"


def _denials(rule: Rule | ClaimRule) -> str:
    found: dict[str, list[str]] = {}
    for case in rule.cases.values():
        if case.outcome is not None:
            codes = found.setdefault(case.outcome.value, [])
            if case.code and f"`{case.code}`" not in codes:
                codes.append(f"`{case.code}`")
    return "; ".join(f"{outcome} {', '.join(codes)}".strip() for outcome, codes in found.items())


def _page(rule: Rule | ClaimRule) -> str:
    parts = [
        f"# `{rule.id}`",
        _MADE,
        f'{rule.title}.\n\n<p dir="rtl">{rule.title_ar}.</p>',
        "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in _facts(rule)),
        *([f"## How\n\n{how}"] if (how := inspect.getdoc(rule.run)) else []),
        "## What it may find",
        *_cases(rule),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(rule: Rule | ClaimRule) -> Iterator[tuple[str, str]]:
    yield "version", rule.version
    yield "stage", rule.stage.value
    yield "rests on", rule.source
    yield "test", f"`{_TESTS}`, cases `{rule.id}-…`"


def _cases(rule: Rule | ClaimRule) -> Iterator[str]:
    for name, case in rule.cases.items():
        stands = "as the person ruled" if rule is REVIEW else "the line stands"
        outcome = stands if case.outcome is None else f"**{case.outcome.value}**"
        code = f", `{case.code}`" if case.code else ""
        yield f'### `{name}`: {outcome}{code}\n\n> {case.text}\n\n<blockquote dir="rtl">{case.text_ar}</blockquote>'
