"""Whether a diagnosis gives a reason for the service."""

from claimlinc.adjudication import tables
from claimlinc.adjudication.beside import diagnoses
from claimlinc.adjudication.tables import fits_any
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import Outcome

_CLEAR = Finding("clear", {}, "clear")


def _pairing(claim: ClaimWork, work: LineWork) -> Finding:
    for coding in work.line.codes:
        for row in tables.service(coding.code).pairings:
            found = diagnoses(claim.beside, claim.submission, work.line)
            inputs = {"service": coding.code, "diagnoses": " ".join(found), "rule": row.id}
            if not found:
                return Finding("unknown", inputs, "unknown")
            if not any(fits_any(row.diagnoses, code) for code in found):
                return Finding("inconsistent", inputs, "inconsistent")
    return _CLEAR


PAIRING_RULES = (
    Rule(
        "diagnosis-service",
        "1",
        Stage.EDIT,
        "The diagnosis gives a reason for the service",
        "التشخيص يبرر الخدمة",
        "NPHIES denial AD-1-4; data/edits.toml.",
        {
            "clear": Case("No table asks for another diagnosis here.", "لا يوجد جدول يشترط تشخيصاً آخر لهذه الخدمة."),
            "unknown": Case(
                "Service {service} is done for some diagnoses only, and the claim names none.",
                "الخدمة {service} مخصصة لتشخيصات محددة ولا تذكر المطالبة أي تشخيص.",
            ),
            "inconsistent": Case(
                "Service {service} is not done for {diagnoses}.",
                "الخدمة {service} لا تتوافق مع التشخيص {diagnoses}.",
                Outcome.REJECTED,
                "AD-1-4",
            ),
        },
        _pairing,
    ),
)
