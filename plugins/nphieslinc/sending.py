"""Whether a claim of our own can become a message: it must lead to a payer and name a patient."""

from msgspec.structs import replace

from claimlinc.contract import AnswerError, LoadedClaim
from nphieslinc.config import SIMULATOR, Config
from nphieslinc.writing import Parties

NO_PAYER = AnswerError(
    "payer-unknown",
    "Nothing leads to a payer: name policy_number or payer_id, or register the patient with their insurance",
    "لا يوجد ما يدل على شركة التأمين: اذكر policy_number أو payer_id، أو سجّل المريض مع بيانات تأمينه",
    "policy_number",
)
NO_PATIENT = AnswerError(
    "patient-unknown",
    "Nobody is known under this patient_id: register the patient, or send the full form with their name",
    "لا يوجد مريض بهذا الرقم: سجّل المريض، أو أرسل النموذج الكامل مع اسمه",
    "patient_id",
)


def unsendable(claim: LoadedClaim, parties: Parties | None) -> AnswerError | None:
    """Return why a claim cannot be sent, in words for whoever submitted it; None where it can."""
    if parties is None:
        return NO_PAYER
    return None if claim.submission.subject.name else NO_PATIENT


def stand_in_payer(config: Config) -> str:
    """Return the licence of the demo's stand-in payer; empty where the simulator may not enrol whom nobody knows."""
    return config.simulator.default_payer if _enrols(config) else ""


def demo_patient(config: Config, claim: LoadedClaim) -> LoadedClaim:
    """In the demo, call a patient whom nobody knows by the number that the claim gives them."""
    subject = claim.submission.subject
    if subject.name or not subject.identifiers or not _enrols(config):
        return claim
    named = replace(subject, name=subject.identifiers[0].value)
    return replace(claim, submission=replace(claim.submission, subject=named))


def _enrols(config: Config) -> bool:
    return config.hub == SIMULATOR and config.simulator.auto_enrol
