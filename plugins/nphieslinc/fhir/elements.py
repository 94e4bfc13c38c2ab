"""Which rule of NPHIES speaks of which element, where the reading of a message meets it."""

from nphieslinc.fhir.tables import id_of

# Of elements with several rules, the one that says that it is missing.
_ABSENT = {
    "MessageHeader.eventCoding.code": "IC-00377",
    "MessageHeader.focus": "IC-00379",
    "Claim.diagnosis.diagnosisCodeableConcept": "IC-01320",
}


def absent(element: str) -> str:
    """Return the cardinality rule of an element."""
    return _ABSENT.get(element) or id_of("IC", element) or "IC-01428"


def mistyped(element: str) -> str:
    """Return the data type rule of an element, or of what it is a part of."""
    return id_of("DT", element) or id_of("DT", element.rpartition(".")[0]) or "GE-00035"


def unresolved(element: str) -> str:
    """Return the reference rule of an element."""
    return id_of("RE", element) or "RE-00170"
