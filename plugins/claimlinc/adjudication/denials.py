"""The denial codes of NPHIES, CodeSystem adjudication-reason: 71 codes in ten groups."""

_LAST = {
    "AD-1": 9,
    "AD-2": 6,
    "AD-3": 8,
    "CV-1": 10,
    "CV-2": 1,
    "CV-3": 5,
    "CV-4": 10,
    "MN-1": 2,
    "SE-1": 10,
    "BE-1": 10,
}
DENIALS = frozenset(f"{group}-{number}" for group, last in _LAST.items() for number in range(1, last + 1))
