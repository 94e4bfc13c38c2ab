"""What a package includes is not billed beside it."""

from collections.abc import Callable
from typing import NamedTuple

from claimlinc.adjudication import tables
from claimlinc.adjudication.beside import by_day
from claimlinc.adjudication.others import Other
from claimlinc.adjudication.tables import PackageRow, fits_any
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Line, Outcome
from policylinc.contract import ServiceRule, ServiceRuleKind

_CLEAR = Finding("clear", {}, "clear")


class _Package(NamedTuple):
    """Services that include others, whoever says it."""

    rule: str
    codes: tuple[str, ...]
    includes: tuple[str, ...]
    fits: Callable[[tuple[str, ...], str], bool]


def _unbundled(claim: ClaimWork, work: LineWork) -> Finding:
    if claim.beside.with_details:
        listed = _in_details(claim, work)
        if listed is not None:
            return listed
    parts, wholes = _packages(claim, work)
    if not parts and not wholes:
        return _CLEAR
    others = by_day(claim.beside, claim.submission, claim.facts)[work.day]
    return _part_of(work, parts, others) or _contains(wholes, others) or _CLEAR


def _packages(claim: ClaimWork, work: LineWork) -> tuple[list[tuple[str, _Package]], list[tuple[str, _Package]]]:
    """Return the packages that a line is a part of, and those that it is, with its code that is named."""
    parts: list[tuple[str, _Package]] = []
    wholes: list[tuple[str, _Package]] = []
    rules = claim.rules.get(ServiceRuleKind.PACKAGE, ())
    for coding in work.line.codes:
        facts = tables.service(coding.code)
        parts += [(coding.code, _of_row(row)) for row in facts.part_of]
        wholes += [(coding.code, _of_row(row)) for row in facts.contains]
        parts += [(coding.code, _of_rule(one)) for one in rules if fits_any(one.includes, coding.code)]
        wholes += [(coding.code, _of_rule(one)) for one in rules if fits_any(one.codes, coding.code)]
    return parts, wholes


def _of_row(row: PackageRow) -> _Package:
    return _Package(row.id, row.codes, row.includes, tables.service_fits)


def _of_rule(rule: ServiceRule) -> _Package:
    return _Package(rule.id, rule.codes, rule.includes, fits_any)


def _in_details(claim: ClaimWork, work: LineWork) -> Finding | None:
    """Find a package line of the claim that lists this service itself, on the same day."""
    codes = {(coding.system, coding.code) for coding in work.line.codes}
    for other in claim.beside.with_details:
        if other.day != work.day or other.sequence == work.line.sequence:
            continue
        if codes & _details(claim.submission.lines[other.position]):
            inputs = {"service": work.line.codes[0].code, "other_line": str(other.sequence)}
            return Finding("in-details", inputs, "in-details")
    return None


def _details(line: Line) -> set[tuple[str, str]]:
    return {(coding.system, coding.code) for detail in line.details for coding in detail.codes}


def _part_of(work: LineWork, parts: list[tuple[str, _Package]], others: list[Other]) -> Finding | None:
    """Find another line of the day whose service includes this one; the packages of a claim come first."""
    for code, package in parts:
        for other in others:
            whole = _code_of(package, package.codes, other)
            if whole is None or not other.here or _is_itself(work, other):
                continue
            inputs = {"service": code, "package": whole, "rule": package.rule, "other_line": str(other.sequence)}
            if not other.is_past:
                return Finding("included", inputs, "included")
            return Finding("included-before", inputs | {"other_claim": other.claim}, "included-before")
    return None


def _contains(wholes: list[tuple[str, _Package]], others: list[Other]) -> Finding | None:
    """Find what this service includes, and another claim of the day was paid for."""
    for code, package in wholes:
        for other in others:
            part = _code_of(package, package.includes, other)
            if part is not None and other.is_past and other.here:
                inputs = {
                    "service": code,
                    "part": part,
                    "rule": package.rule,
                    "other_claim": other.claim,
                    "other_line": str(other.sequence),
                }
                return Finding("part-before", inputs, "part-before")
    return None


def _is_itself(work: LineWork, other: Other) -> bool:
    return not other.is_past and other.sequence == work.line.sequence


def _code_of(package: _Package, patterns: tuple[str, ...], other: Other) -> str | None:
    return next((coding.code for coding in other.codes if package.fits(patterns, coding.code)), None)


PACKAGE_RULES = (
    Rule(
        "unbundled",
        "1",
        Stage.EDIT,
        "What a package includes is not billed beside it",
        "ما تشمله الحزمة لا يُفوتر معها",
        "NPHIES denial CV-4-9; the details of the claim's packages; the payer's rules; data/edits.toml.",
        {
            "clear": Case(
                "No service of this provider on the day includes it.",
                "لا توجد خدمة أخرى لمقدم الخدمة في اليوم نفسه تشملها.",
            ),
            "in-details": Case(
                "Line {other_line} of the claim lists service {service} among the details of its package.",
                "يذكر البند {other_line} من المطالبة الخدمة {service} ضمن تفاصيل حزمته.",
                Outcome.REJECTED,
                "CV-4-9",
            ),
            "included": Case(
                "Service {service} is part of {package}, which line {other_line} bills for the same day.",
                "الخدمة {service} جزء من {package} المفوترة في البند {other_line} لليوم نفسه.",
                Outcome.REJECTED,
                "CV-4-9",
            ),
            "included-before": Case(
                "Service {service} is part of {package}, which line {other_line} of claim {other_claim} billed for the"
                " same day.",
                "الخدمة {service} جزء من {package} المفوترة في البند {other_line} من المطالبة {other_claim}"
                " لليوم نفسه.",
                Outcome.REJECTED,
                "CV-4-9",
            ),
            "part-before": Case(
                "Service {service} includes {part}, which line {other_line} of claim {other_claim} billed for the same"
                " day: a person decides what is left of it.",
                "تشمل الخدمة {service} الخدمة {part} التي فوترها البند {other_line} من المطالبة {other_claim} لليوم"
                " نفسه: يقرر مختص ما تبقى منها.",
                Outcome.PENDED,
                "CV-4-9",
            ),
        },
        _unbundled,
    ),
)
