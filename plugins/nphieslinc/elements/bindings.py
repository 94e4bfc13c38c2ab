"""Whether a value is coded as its value set says."""

from nphieslinc.elements.shapes import Codes


def is_coded(value: object, codes: Codes) -> bool:
    """Say whether a code, Coding or CodeableConcept has a code of the set; words without a code break nothing."""
    if isinstance(value, str):
        return any(known is None or value in known for known in codes.values())
    if not isinstance(value, dict):
        return True  # its type is wrong, which another rule says
    codings = value.get("coding") if "coding" in value else [value] if "code" in value else []
    listed = [one for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []
    return not listed or any(_is_of(one, codes) for one in listed)


def _is_of(coding: dict[str, object], codes: Codes) -> bool:
    system = coding.get("system")
    if not isinstance(system, str):
        return False
    system = system.replace("/ValueSet/", "/CodeSystem/")  # as answers of the exchange itself name some
    if system not in codes:
        return False
    known, code = codes[system], coding.get("code")
    return known is None or (isinstance(code, str) and code in known)
