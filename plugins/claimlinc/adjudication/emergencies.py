"""Emergencies want no pre-authorization, but the payer is told within its hours: whether it was, as a finding."""

from datetime import date, datetime

from claimlinc.adjudication.facts import Facts
from claimlinc.adjudication.work import Case, ClaimRule, Finding, Stage
from claimlinc.contract import ClaimSubmission
from masterlinc.clock import RIYADH

# NPHIES says it in the claim's sub-type (emr) or in its encounter's class (EMER).
_SUB_TYPE, _ENCOUNTER_CLASS = "emr", "EMER"


def is_emergency(submission: ClaimSubmission) -> bool:
    """Say whether a claim is about an emergency."""
    return submission.sub_type == _SUB_TYPE or submission.encounter_class == _ENCOUNTER_CLASS


def _notice(_: ClaimSubmission, facts: Facts, __: date) -> Finding | None:
    notice = facts.emergency_notice
    if notice is None:
        return None
    inputs = {
        "hours": str(notice.hours),
        "happened_at": _shown(notice.happened_at),
        "received_at": _shown(notice.received_at),
    }
    if notice.received_at is None:
        return Finding("none", inputs, "none")
    case = "in-time" if notice.in_time else "late"
    return Finding(case, inputs, case)


def _shown(moment: datetime | None) -> str:
    return f"{moment.astimezone(RIYADH):%Y-%m-%d %H:%M}" if moment else ""


EMERGENCY_RULES = (
    ClaimRule(
        "emergency-notice",
        "1",
        Stage.CLAIM,
        "The payer was told of the emergency in time",
        "أُبلغت الجهة الدافعة بالحالة الطارئة في الوقت المحدد",
        "The payer's terms, 24 hours where it says nothing. A finding alone: nothing is denied for it.",
        {
            "in-time": Case(
                "The payer was told at {received_at} of the emergency of {happened_at}, within {hours} hours.",
                "أُبلغت الجهة الدافعة في {received_at} بالحالة الطارئة في {happened_at} خلال {hours} ساعة.",
            ),
            "late": Case(
                "The payer was told at {received_at} of the emergency of {happened_at}: {hours} hours were over.",
                "أُبلغت الجهة الدافعة في {received_at} بالحالة الطارئة في {happened_at} بعد انقضاء {hours} ساعة.",
            ),
            "none": Case(
                "The claim is about an emergency, and the payer was not told of it; {hours} hours are given.",
                "المطالبة عن حالة طارئة ولم تُبلغ بها الجهة الدافعة؛ المهلة {hours} ساعة.",
            ),
        },
        _notice,
    ),
)
