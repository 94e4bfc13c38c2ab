"""A medicine is dispensed again when the days of supply before are nearly over."""

from datetime import date, timedelta
from typing import NamedTuple

from claimlinc.adjudication import tables
from claimlinc.adjudication.others import Other
from claimlinc.adjudication.tables import RefillRow
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import ClaimType, Outcome

_CLEAR = Finding("clear", {}, "clear")
_WHOLE = 100  # percent


class _Supply(NamedTuple):
    again_from: date
    dispensed_on: date
    days: int
    claim: str
    sequence: int


def _refill(claim: ClaimWork, work: LineWork) -> Finding:
    if claim.submission.claim_type is not ClaimType.PHARMACY:
        return _CLEAR
    for coding in work.line.codes:
        others = claim.beside.by_code[coding.system, coding.code]
        facts = tables.service(coding.code)
        if len(others) == 1 or facts.refill is None or facts.unlisted:
            continue
        supplies = [
            found for other in others if (found := _supply(facts.refill, other)) and found.dispensed_on <= work.day
        ]
        last = max(supplies, default=None)
        if last is not None:
            return _judged(work, facts.refill, last)
    return _CLEAR


def _supply(row: RefillRow, other: Other) -> _Supply | None:
    days = other.days_supply
    if days is None:
        return None
    kept = days - days * row.early_percent // _WHOLE
    return _Supply(other.day + timedelta(kept), other.day, days, other.claim, other.sequence)


def _judged(work: LineWork, row: RefillRow, last: _Supply) -> Finding:
    inputs = {
        "service_date": str(work.day),
        "dispensed_on": str(last.dispensed_on),
        "days_supply": str(last.days),
        "early_percent": str(row.early_percent),
        "again_from": str(last.again_from),
        "rule": row.id,
        "other_claim": last.claim,
        "other_line": str(last.sequence),
    }
    return Finding("too-soon", inputs, "too-soon") if work.day < last.again_from else Finding("due", inputs, "due")


REFILL_RULES = (
    Rule(
        "refill",
        "1",
        Stage.EDIT,
        "A medicine is dispensed again when it is nearly used up",
        "يُعاد صرف الدواء عند قرب نفاده",
        "NPHIES denial CV-4-8; days-supply of the claims (BV-00376); the early part by data/edits.toml.",
        {
            "clear": Case("No earlier supply of it is known.", "لا يوجد صرف سابق معروف لهذا الدواء."),
            "due": Case(
                "The supply of {dispensed_on} lasted {days_supply} days: the next could come from {again_from} on.",
                "كمية {dispensed_on} تكفي {days_supply} يوماً: كان يمكن إعادة الصرف من {again_from}.",
            ),
            "too-soon": Case(
                "The supply of {dispensed_on} lasts {days_supply} days: the next may come from {again_from} on, and"
                " this one came on {service_date}.",
                "كمية {dispensed_on} تكفي {days_supply} يوماً: يمكن إعادة الصرف من {again_from}، وقد صُرف"
                " في {service_date}.",
                Outcome.REJECTED,
                "CV-4-8",
            ),
        },
        _refill,
    ),
)
