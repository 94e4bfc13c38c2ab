"""Services that come again: on the same day, or too often."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from claimlinc.adjudication import tables
from claimlinc.adjudication.balances import lineage
from claimlinc.adjudication.beside import by_day
from claimlinc.adjudication.edits.calendar import ONE_DAY, months_later
from claimlinc.adjudication.others import Other
from claimlinc.adjudication.service_rules import rules_on
from claimlinc.adjudication.tables import FrequencyRow, fits_any
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome, Use
from policylinc.contract import ServiceRule, ServiceRuleKind

_CLEAR = Finding("clear", {}, "clear")


def _duplicate(claim: ClaimWork, work: LineWork) -> Finding:
    by_code, line = claim.beside.by_code, work.line
    for coding in line.codes:
        others = by_code[coding.system, coding.code]
        if len(others) == 1 or tables.service(coding.code).unlisted:
            continue
        same = [other for other in others if _is_same(claim, work, other)]
        if same:
            first = min(same, key=lambda other: (not other.is_past, other.claim, other.sequence))
            inputs = {"service": coding.code, "service_date": str(work.day), "other_line": str(first.sequence)}
            if not first.is_past:
                return Finding("in-claim", inputs, "in-claim")
            return Finding("in-history", inputs | {"other_claim": first.claim}, "in-history")
    return _CLEAR


def _is_same(claim: ClaimWork, work: LineWork, other: Other) -> bool:
    """Say whether another line is the same service, and comes first."""
    line = work.line
    if other.day != work.day or not other.here or other.body_site != line.body_site:
        return False
    if other.surfaces and line.surfaces and not set(other.surfaces) & set(line.surfaces):
        return False
    return _comes_first(claim, other) and (not other.is_past or claim.submission.use is Use.CLAIM)


def _comes_first(claim: ClaimWork, other: Other) -> bool:
    """Say whether another line was decided before this one, and not rejected."""
    return other.is_past or other.sequence in claim.beside.standing


class _Frequency(NamedTuple):
    """A rule on how often a service is paid, whoever made it."""

    id: str
    most: int
    end: Callable[[date], date]  # of the window that begins on a day: its last day
    counts: Callable[[Other], bool]
    payer: ServiceRule | None


def _frequency(claim: ClaimWork, work: LineWork) -> Finding:
    found = _CLEAR
    for rule in _frequencies(claim, work):
        one = _used_up(claim, work, rule)
        if one.case.endswith("too-often"):
            return one
        if found is _CLEAR or one.case.endswith("too-many"):
            found = one
    return found


def _frequencies(claim: ClaimWork, work: LineWork) -> Iterable[_Frequency]:
    for coding in work.line.codes:
        for row in tables.service(coding.code).frequencies:
            yield _of_row(row)
    for rule in rules_on(claim, work, ServiceRuleKind.FREQUENCY):
        yield _of_rule(claim, rule)


def _of_row(row: FrequencyRow) -> _Frequency:
    def end(first: date) -> date:
        return (months_later(first, row.months) if row.months else first + timedelta(row.days or 1)) - ONE_DAY

    def counts(other: Other) -> bool:
        return any(tables.counts(row, coding.code) for coding in other.codes)

    return _Frequency(row.id, row.count, end, counts, None)


def _of_rule(claim: ClaimWork, rule: ServiceRule) -> _Frequency:
    benefits = {term.benefit: term for term in claim.terms.benefits}

    def end(first: date) -> date:
        return first + timedelta((rule.days or 1) - 1)

    def counts(other: Other) -> bool:
        benefit = other.benefit if other.is_past else claim.beside.standing[other.sequence]
        if rule.benefits and not any(one.benefit in rule.benefits for one in lineage(benefits, benefit)):
            return False
        return not rule.codes or any(fits_any(rule.codes, coding.code) for coding in other.codes)

    return _Frequency(rule.id, rule.count or 0, end, counts, rule)


def _used_up(claim: ClaimWork, work: LineWork, rule: _Frequency) -> Finding:
    units: dict[date, Decimal] = {work.day: Decimal(0)}
    for day, others in by_day(claim.beside, claim.submission, claim.facts).items():
        for other in others:
            if _comes_first(claim, other) and rule.counts(other):
                units[day] = units.get(day, Decimal(0)) + other.quantity
    first, last, used = _fullest(units, work.day, rule.end)
    inputs = {
        "rule": rule.id,
        "count": str(rule.most),
        "first_day": str(first),
        "last_day": str(last),
        "used": _plain(used),
        "quantity": _plain(work.line.quantity),
    }
    who = ""
    if rule.payer is not None:
        who = "payer-"
        inputs |= {"rule_text": rule.payer.text, "rule_text_ar": rule.payer.text_ar}
    if used + work.line.quantity <= rule.most:
        return Finding("within", inputs, "within")
    case = f"{who}too-often" if used >= rule.most else f"{who}too-many"
    return Finding(case, inputs, case)


def _fullest(units: dict[date, Decimal], day: date, end: Callable[[date], date]) -> tuple[date, date, Decimal]:
    """Return the window around a day in which most was used; it begins with a day of service."""
    windows = []
    for first in sorted(units):
        last = end(first)
        if first <= day <= last:
            windows.append((first, last, sum((n for on, n in units.items() if first <= on <= last), Decimal(0))))
    return max(windows, key=lambda window: (window[2], window[0]))


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


_TOO_OFTEN = "in the days from {first_day} to {last_day} {used} were provided, and {quantity} are billed."
_TOO_OFTEN_AR = "من {first_day} إلى {last_day} قُدّم {used}، والمفوتر {quantity}."

REPEAT_RULES = (
    Rule(
        "duplicate",
        "1",
        Stage.EDIT,
        "A service is paid once a day, site and provider",
        "تُدفع الخدمة مرة واحدة في اليوم للموضع نفسه لدى مقدم الخدمة نفسه",
        "NPHIES denial AD-2-4; the member's history with the payer.",
        {
            "clear": Case(
                "No other line bills the same service of this provider for the day and site.",
                "لا يوجد بند آخر بالخدمة نفسها من مقدم الخدمة لليوم والموضع نفسيهما.",
            ),
            "in-claim": Case(
                "Line {other_line} of this claim bills the same service {service} on {service_date}.",
                "يفوتر البند {other_line} من هذه المطالبة الخدمة نفسها {service} في {service_date}.",
                Outcome.REJECTED,
                "AD-2-4",
            ),
            "in-history": Case(
                "Line {other_line} of claim {other_claim} billed the same service {service} on {service_date}.",
                "سبق للبند {other_line} من المطالبة {other_claim} أن فوتر الخدمة نفسها {service} في {service_date}.",
                Outcome.REJECTED,
                "AD-2-4",
            ),
        },
        _duplicate,
    ),
    Rule(
        "frequency",
        "1",
        Stage.EDIT,
        "A service is paid no more often than agreed",
        "لا تُدفع الخدمة أكثر من العدد المسموح به",
        "NPHIES denial CV-3-2; the payer's frequency rules; data/edits.toml.",
        {
            "clear": Case("No rule says how often this is paid.", "لا توجد قاعدة تحدد عدد مرات هذه الخدمة."),
            "within": Case(
                "Rule {rule} pays {count} from {first_day} to {last_day}: {used} were provided before, {quantity} are"
                " billed.",
                "تسمح القاعدة {rule} بعدد {count} من {first_day} إلى {last_day}: قُدّم منها {used} سابقاً، والمفوتر"
                " {quantity}.",
            ),
            "too-often": Case(
                f"Rule {{rule}} pays no more than {{count}}: {_TOO_OFTEN}",
                f"تسمح القاعدة {{rule}} بعدد {{count}} فقط: {_TOO_OFTEN_AR}",
                Outcome.REJECTED,
                "CV-3-2",
            ),
            "too-many": Case(
                f"Rule {{rule}} pays no more than {{count}}, so a person decides on a part: {_TOO_OFTEN}",
                f"تسمح القاعدة {{rule}} بعدد {{count}} فقط، ويقرر مختص الجزء المقبول: {_TOO_OFTEN_AR}",
                Outcome.PENDED,
                "CV-3-2",
            ),
            "payer-too-often": Case(
                f"The payer pays no more than {{count}} ({{rule_text}}): {_TOO_OFTEN}",
                f"تسمح الجهة الدافعة بعدد {{count}} فقط ({{rule_text_ar}}): {_TOO_OFTEN_AR}",
                Outcome.REJECTED,
                "CV-3-2",
            ),
            "payer-too-many": Case(
                f"The payer pays no more than {{count}} ({{rule_text}}), so a person decides on a part: {_TOO_OFTEN}",
                f"تسمح الجهة الدافعة بعدد {{count}} فقط ({{rule_text_ar}})، ويقرر مختص الجزء المقبول: {_TOO_OFTEN_AR}",
                Outcome.PENDED,
                "CV-3-2",
            ),
        },
        _frequency,
    ),
)
