"""Names that NPHIES gives: profiles, code systems, extensions."""

from functools import lru_cache

PROFILE = "http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/"
CODES = "http://nphies.sa/terminology/CodeSystem/"
HL7 = "http://terminology.hl7.org/CodeSystem/"
IDENTIFIER = "http://nphies.sa/identifier/"
LICENSE = "http://nphies.sa/license/"
_LONGEST_URL = 200
NPHIES_LICENSE = "http://nphies.sa/license/nphies"

EVENTS = CODES + "ksa-message-events"
INFORMATION = CODES + "claim-information-category"
ICD10AM = "http://hl7.org/fhir/sid/icd-10-am"
UCUM = "http://unitsofmeasure.org"
ACT_CODE = HL7 + "v3-ActCode"
ADJUDICATION = HL7 + "adjudication"
KSA_ADJUDICATION = CODES + "ksa-adjudication"
ADJUDICATION_OUTCOME = CODES + "adjudication-outcome"
ADJUDICATION_REASON = CODES + "adjudication-reason"
ADJUDICATION_ERROR = CODES + "adjudication-error"


def profile(name: str) -> str:
    """Return the canonical URL of a profile, with its version."""
    return f"{PROFILE}{name}|1.0.0"


def extension_url(name: str) -> str:
    """Return the canonical URL of an extension."""
    return f"{PROFILE}extension-{name}"


def extension_key(url: str) -> str:
    """Fold the spellings of an extension's name: patient-share, patientShare and extesnion-… become one."""
    return _folded(url) if len(url) <= _LONGEST_URL else url  # what is longer names no extension that is known


@lru_cache(1024)
def _folded(url: str) -> str:
    tail = url.rsplit("/", 1)[-1].partition("|")[0].lower()
    for prefix in ("extension-", "extesnion-"):
        tail = tail.removeprefix(prefix)
    return tail.replace("-", "").replace("orginal", "original").replace("priorauthorization", "priorauth")
