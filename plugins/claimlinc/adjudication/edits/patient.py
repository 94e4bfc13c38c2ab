"""Whether services and diagnoses suit the patient's sex and age."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from claimlinc.adjudication import tables
from claimlinc.adjudication.beside import diagnoses
from claimlinc.adjudication.edits.calendar import ONE_DAY, full_years, months_later, years_later
from claimlinc.adjudication.service_rules import is_about
from claimlinc.adjudication.tables import AgeRow, DiagnosisFacts, ServiceFacts
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome
from policylinc.contract import ServiceRule, ServiceRuleKind

_UNASKED = Finding("unasked", {}, "unasked")
_SERVICE, _DIAGNOSIS = "service", "diagnosis"
_Facts = Sequence[tuple[str, ServiceFacts | DiagnosisFacts]]


class _Days(NamedTuple):
    """From when to when a patient may have something; None: always."""

    first: date | None
    last: date | None


class _Asked(NamedTuple):
    """What a rule, whoever made it, asks of the patient for a code."""

    rule: str
    code: str
    payer: ServiceRule | None = None


def _sex(of: str) -> Callable[[ClaimWork, LineWork], Finding]:
    def run(claim: ClaimWork, work: LineWork) -> Finding:
        facts, rules = _facts(of, claim, work), claim.rules.get(ServiceRuleKind.SEX)
        if not facts and not rules:
            return _UNASKED
        found, sex = _UNASKED, claim.beside.sex
        for asked, wanted in (*_sexes_of_tables(facts), *_sexes_of_payer(of, rules or (), claim, work)):
            inputs = _inputs(asked) | {"sex": sex or ""}
            if sex is None:
                found = Finding("unknown", inputs, "unknown")
            elif sex != wanted:
                case = f"payer-for-{wanted}" if asked.payer else f"for-{wanted}"
                return Finding(case, inputs, case)
            elif found is _UNASKED:
                found = Finding("suits", inputs, "suits")
        return found

    return run


def _sexes_of_tables(facts: _Facts) -> Iterator[tuple[_Asked, str]]:
    for code, about in facts:
        if about.sex is not None:
            yield _Asked(about.sex.id, code), about.sex.sex


def _sexes_of_payer(
    of: str, rules: Iterable[ServiceRule], claim: ClaimWork, work: LineWork
) -> Iterator[tuple[_Asked, str]]:
    for rule in rules:
        if rule.sex is not None and _is_on(of, rule) and is_about(rule, claim, work):
            yield _Asked(rule.id, "", rule), rule.sex


def _age(of: str) -> Callable[[ClaimWork, LineWork], Finding]:
    def run(claim: ClaimWork, work: LineWork) -> Finding:
        facts, rules = _facts(of, claim, work), claim.rules.get(ServiceRuleKind.AGE)
        if not facts and not rules:
            return _UNASKED
        found, born = _UNASKED, claim.beside.born
        for asked, days_of in (*_ages_of_tables(facts), *_ages_of_payer(of, rules or (), claim, work)):
            inputs = _inputs(asked) | {"service_date": str(work.day)}
            if born is None:
                found = Finding("unknown", inputs, "unknown")
                continue
            days = days_of(born)
            inputs |= {"birth_date": str(born), "age": str(full_years(born, work.day))}
            who = "payer-" if asked.payer else ""
            if days.first and work.day < days.first:
                return Finding(f"{who}too-young", inputs | {"first_day": str(days.first)}, f"{who}too-young")
            if days.last and work.day > days.last:
                return Finding(f"{who}too-old", inputs | {"last_day": str(days.last)}, f"{who}too-old")
            if found is _UNASKED:
                found = Finding("suits", inputs, "suits")
        return found

    return run


def _ages_of_tables(facts: _Facts) -> Iterator[tuple[_Asked, Callable[[date], _Days]]]:
    for code, about in facts:
        if about.age is not None:
            yield _Asked(about.age.id, code), _by_row(about.age)


def _ages_of_payer(
    of: str, rules: Iterable[ServiceRule], claim: ClaimWork, work: LineWork
) -> Iterator[tuple[_Asked, Callable[[date], _Days]]]:
    for rule in rules:
        if _is_on(of, rule) and is_about(rule, claim, work):
            yield _Asked(rule.id, "", rule), _by_rule(rule)


def _by_row(row: AgeRow) -> Callable[[date], _Days]:
    def days(born: date) -> _Days:
        first = months_later(born, row.min_months) if row.min_months else None
        last = None
        if row.max_days is not None:
            last = born + timedelta(row.max_days)
        elif row.max_years is not None:
            last = years_later(born, row.max_years + 1) - ONE_DAY
        return _Days(first, last)

    return days


def _by_rule(rule: ServiceRule) -> Callable[[date], _Days]:
    def days(born: date) -> _Days:
        first = years_later(born, rule.min_age) if rule.min_age is not None else None
        last = years_later(born, rule.max_age + 1) - ONE_DAY if rule.max_age is not None else None
        return _Days(first, last)

    return days


def _facts(of: str, claim: ClaimWork, work: LineWork) -> _Facts:
    """Return what the tables ask of the patient for a line's services, or for its diagnoses, with each one's code."""
    if of == _SERVICE:
        return tables.asking_services(work.codes)
    return tables.asking(diagnoses(claim.beside, claim.submission, work.line))


def _is_on(of: str, rule: ServiceRule) -> bool:
    """Say whether a payer's rule asks here: one that names diagnoses and no service is on the diagnosis."""
    return of == (_DIAGNOSIS if rule.diagnoses and not rule.codes else _SERVICE)


def _inputs(asked: _Asked) -> dict[str, str]:
    inputs = {"rule": asked.rule, "code": asked.code}
    if asked.payer is not None:
        inputs |= {"rule_text": asked.payer.text, "rule_text_ar": asked.payer.text_ar}
    return inputs


def _sex_cases(what: str, what_ar: str, code: str) -> dict[str, Case]:
    return {
        "unasked": Case(f"No rule asks for a sex for this {what}.", f"لا توجد قاعدة تشترط جنساً محدداً: {what_ar}."),
        "suits": Case(f"The {what} suits the patient's sex, {{sex}}.", f"يتوافق {what_ar} مع جنس المريض: {{sex}}."),
        "unknown": Case(
            f"Rule {{rule}} asks for a sex for this {what}, and nobody told the patient's.",
            f"تشترط القاعدة {{rule}} جنساً محدداً ({what_ar}) وجنس المريض غير معروف.",
        ),
        "for-female": Case(
            f"The {what} {{code}} is of women; the patient is {{sex}}.",
            f"{what_ar} {{code}} خاص بالإناث وجنس المريض {{sex}}.",
            Outcome.REJECTED,
            code,
        ),
        "for-male": Case(
            f"The {what} {{code}} is of men; the patient is {{sex}}.",
            f"{what_ar} {{code}} خاص بالذكور وجنس المريض {{sex}}.",
            Outcome.REJECTED,
            code,
        ),
        "payer-for-female": Case(
            f"The payer pays this {what} for women only ({{rule_text}}); the patient is {{sex}}.",
            "تقصر الجهة الدافعة هذا البند على الإناث ({rule_text_ar}) وجنس المريض {sex}.",
            Outcome.REJECTED,
            code,
        ),
        "payer-for-male": Case(
            f"The payer pays this {what} for men only ({{rule_text}}); the patient is {{sex}}.",
            "تقصر الجهة الدافعة هذا البند على الذكور ({rule_text_ar}) وجنس المريض {sex}.",
            Outcome.REJECTED,
            code,
        ),
    }


def _age_cases(what: str, what_ar: str, code: str) -> dict[str, Case]:
    """Return the cases of an age rule; only services have a lowest age in the tables."""
    too_young = Case(
        f"The {what} {{code}} suits a patient born on {{birth_date}} from {{first_day}}, not on {{service_date}}.",
        f"{what_ar} {{code}} يناسب المريض المولود في {{birth_date}} ابتداءً من {{first_day}} وليس في {{service_date}}.",
        Outcome.REJECTED,
        code,
    )
    return ({"too-young": too_young} if what == _SERVICE else {}) | {
        "unasked": Case(f"No rule asks for an age for this {what}.", f"لا توجد قاعدة تشترط عمراً محدداً: {what_ar}."),
        "suits": Case(
            f"The {what} suits a patient of {{age}} years on {{service_date}}.",
            f"يتوافق {what_ar} مع عمر المريض {{age}} سنة في {{service_date}}.",
        ),
        "unknown": Case(
            f"Rule {{rule}} asks for an age for this {what}, and nobody told the patient's.",
            f"تشترط القاعدة {{rule}} عمراً محدداً ({what_ar}) وعمر المريض غير معروف.",
        ),
        "too-old": Case(
            f"The {what} {{code}} suits a patient born on {{birth_date}} until {{last_day}}, not on {{service_date}}.",
            f"{what_ar} {{code}} يناسب المريض المولود في {{birth_date}} حتى {{last_day}} وليس في {{service_date}}.",
            Outcome.REJECTED,
            code,
        ),
        "payer-too-young": Case(
            f"The payer pays this {what} from {{first_day}} on for a patient born on {{birth_date}} ({{rule_text}}).",
            "تدفع الجهة الدافعة هذا البند ابتداءً من {first_day} لمريض مولود في {birth_date} ({rule_text_ar}).",
            Outcome.REJECTED,
            code,
        ),
        "payer-too-old": Case(
            f"The payer pays this {what} until {{last_day}} for a patient born on {{birth_date}} ({{rule_text}}).",
            "تدفع الجهة الدافعة هذا البند حتى {last_day} لمريض مولود في {birth_date} ({rule_text_ar}).",
            Outcome.REJECTED,
            code,
        ),
    }


_SERVICE_WORDS = (_SERVICE, "الإجراء")
_DIAGNOSIS_WORDS = (_DIAGNOSIS, "التشخيص")
_RESTS_ON = "NPHIES denial {}; the payer's rules; data/edits.toml."

PATIENT_RULES = (
    Rule(
        "service-sex",
        "1",
        Stage.EDIT,
        "The service suits the patient's sex",
        "الخدمة تتوافق مع جنس المريض",
        _RESTS_ON.format("AD-3-8"),
        _sex_cases(*_SERVICE_WORDS, "AD-3-8"),
        _sex(_SERVICE),
    ),
    Rule(
        "service-age",
        "1",
        Stage.EDIT,
        "The service suits the patient's age",
        "الخدمة تتوافق مع عمر المريض",
        _RESTS_ON.format("AD-3-7"),
        _age_cases(*_SERVICE_WORDS, "AD-3-7"),
        _age(_SERVICE),
    ),
    Rule(
        "diagnosis-sex",
        "1",
        Stage.EDIT,
        "The diagnosis suits the patient's sex",
        "التشخيص يتوافق مع جنس المريض",
        _RESTS_ON.format("AD-3-6"),
        _sex_cases(*_DIAGNOSIS_WORDS, "AD-3-6"),
        _sex(_DIAGNOSIS),
    ),
    Rule(
        "diagnosis-age",
        "1",
        Stage.EDIT,
        "The diagnosis suits the patient's age",
        "التشخيص يتوافق مع عمر المريض",
        _RESTS_ON.format("AD-3-5"),
        _age_cases(*_DIAGNOSIS_WORDS, "AD-3-5"),
        _age(_DIAGNOSIS),
    ),
)
