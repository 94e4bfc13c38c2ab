"""What a package includes is not billed beside it."""

from claimlinc.adjudication import tables
from claimlinc.adjudication.beside import by_day
from claimlinc.adjudication.others import Other
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Line, Outcome

_CLEAR = Finding("clear", {}, "clear")


def _unbundled(claim: ClaimWork, work: LineWork) -> Finding:
    if claim.beside.with_details:
        listed = _in_details(claim, work)
        if listed is not None:
            return listed
    for coding in work.line.codes:
        facts = tables.service(coding.code)
        if facts.part_of or facts.contains:
            others = by_day(claim.beside, claim.submission, claim.facts)[work.day]
            return _part_of(work, others) or _contains(work, others) or _CLEAR
    return _CLEAR


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


def _part_of(work: LineWork, others: list[Other]) -> Finding | None:
    """Find a line of the day whose service includes this one; the packages of a claim come first."""
    for coding in work.line.codes:
        for row in tables.service(coding.code).part_of:
            for other in others:
                package = _code_of(row.codes, other)
                if package is None or not other.here:
                    continue
                inputs = {"service": coding.code, "package": package, "rule": row.id, "other_line": str(other.sequence)}
                if not other.is_past:
                    return Finding("included", inputs, "included")
                return Finding("included-before", inputs | {"other_claim": other.claim}, "included-before")
    return None


def _contains(work: LineWork, others: list[Other]) -> Finding | None:
    """Find what this service includes, and another claim of the day was paid for."""
    for coding in work.line.codes:
        for row in tables.service(coding.code).contains:
            for other in others:
                part = _code_of(row.includes, other)
                if part is not None and other.is_past and other.here:
                    inputs = {
                        "service": coding.code,
                        "part": part,
                        "rule": row.id,
                        "other_claim": other.claim,
                        "other_line": str(other.sequence),
                    }
                    return Finding("part-before", inputs, "part-before")
    return None


def _code_of(patterns: tuple[str, ...], other: Other) -> str | None:
    return next((coding.code for coding in other.codes if tables.service_fits(patterns, coding.code)), None)


PACKAGE_RULES = (
    Rule(
        "unbundled",
        "1",
        Stage.EDIT,
        "What a package includes is not billed beside it",
        "ما تشمله الحزمة لا يُفوتر معها",
        "NPHIES denial CV-4-9; the details of the claim's packages; includes and excludes of the Saudi Billing System.",
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
