"""What rules found, in words: made when somebody reads a trace, keeps a reason or sends an answer."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from claimlinc.adjudication.cover import CLAIM_RULES
from claimlinc.adjudication.review import REVIEW
from claimlinc.adjudication.rules import RULES
from claimlinc.adjudication.work import Case, ClaimRule, Rule, Stage, outweighs
from claimlinc.contract import Decision, LineDecision, Outcome, TraceStep

Words = tuple[str, str]  # English, Arabic

BENEFITS: dict[str, Words] = {
    "inpatient": ("inpatient", "التنويم"),
    "outpatient": ("outpatient", "العيادات الخارجية"),
    "pharmacy": ("pharmacy", "الأدوية"),
    "dental": ("dental", "الأسنان"),
    "optical": ("optical", "النظارات"),
    "maternity": ("maternity", "الحمل والولادة"),
}
_STATUS: dict[str, Words] = {
    "active": ("active", "سارية"),
    "inactive": ("inactive", "غير سارية"),
    "suspended": ("suspended", "موقوفة"),
}
_PER: dict[str, Words] = {
    "year": ("a policy year", "في سنة الوثيقة"),
    "lifetime": ("in a lifetime", "مدى الحياة"),
    "visit": ("a visit", "لكل زيارة"),
    "item": ("an item", "لكل بند"),
}
_KIND: dict[str, Words] = {"count": ("units", "وحدة"), "days": ("days", "يوماً")}


def plain(value: str) -> Words:
    """Write a number without idle zeros."""
    text = f"{Decimal(value).normalize():f}"
    return text, text


def of_list(known: Mapping[str, Words]) -> Callable[[str], Words]:
    """Look a value up; one that is not listed stands for itself in both languages."""
    return lambda value: known.get(value, (value, value))


_SEX: dict[str, Words] = {"male": ("male", "ذكر"), "female": ("female", "أنثى")}

# How an input is spoken, by its name; one that is not here is written as it is.
SPOKEN: dict[str, Callable[[str], Words]] = {
    "benefit": of_list(BENEFITS),
    "within": of_list(BENEFITS),
    "limit_of": of_list(BENEFITS),
    "per": of_list(_PER),
    "kind": of_list(_KIND),
    "status": of_list(_STATUS),
    "sex": of_list(_SEX),
    "percent": plain,
    "percent_of_billed": plain,
    "vat_percent": plain,
}

_FINAL = (Stage.CLAIM, Stage.ELIGIBILITY)  # the first that fails decides
_KNOWN: tuple[Rule | ClaimRule, ...] = (*CLAIM_RULES, *RULES, REVIEW)
_RULES = {(rule.id, rule.version): rule for rule in _KNOWN}


def say(step: TraceStep) -> Words:
    """Say what a rule found, in English and Arabic."""
    if step.text:
        return step.text, step.text_ar
    rule, case = _found(step)
    if rule is None or case is None:  # of a version that is gone
        return (
            f"Rule {step.rule}, version {step.version}, found: {step.result}.",
            f"نتيجة القاعدة {step.rule}، الإصدار {step.version}: {step.result}.",
        )
    english, arabic = {"result": step.result}, {"result": step.result}
    for name, value in step.inputs.items():
        spoken = SPOKEN.get(name)
        english[name], arabic[name] = (value, value) if spoken is None else spoken(value)
    return case.text.format_map(english), case.text_ar.format_map(arabic)


def spoken(trace: Sequence[TraceStep]) -> tuple[TraceStep, ...]:
    """Return a trace with its words."""
    said = ((step, *say(step)) for step in trace)
    return tuple(replace(step, text=text, text_ar=text_ar) for step, text, text_ar in said)


def deciding(line: LineDecision) -> TraceStep | None:
    """Return the step that decided a line; None where every rule let it stand, or none looked."""
    decided, outcome = None, Outcome.APPROVED
    for step in line.trace:
        rule, case = _found(step)
        if rule is None or case is None or case.outcome is None:
            continue
        if outweighs(rule.stage, case.outcome, outcome):
            decided, outcome = step, case.outcome
            if rule.stage in _FINAL:
                break
    return decided


def reason(line: LineDecision) -> Words:
    """Return why a line was decided as it was: the words of the step that decided."""
    if line.reason or not line.trace:
        return line.reason, line.reason_ar
    step = deciding(line)
    if step is not None:
        return say(step)
    text, text_ar = say(line.trace[-1])
    return f"Approved. {text}", f"تمت الموافقة. {text_ar}"


def with_reasons(decision: Decision) -> Decision:
    """Return a decision with the reason of each line in words, as it is kept and sent."""
    reasons = [reason(line) for line in decision.lines]
    lines = [
        replace(line, reason=text, reason_ar=text_ar)
        for line, (text, text_ar) in zip(decision.lines, reasons, strict=True)
    ]
    return replace(decision, lines=tuple(lines))


def _found(step: TraceStep) -> tuple[Rule | ClaimRule | None, Case | None]:
    rule = _RULES.get((step.rule, step.version))
    return rule, rule.cases.get(step.case) if rule else None
