"""Names of people and organizations, in both languages."""

from collections.abc import Mapping

from msgspec import UnsetType

from masterlinc import text
from masterlinc.errors import FieldError, Invalid

_LONGEST = 200


def cleaned(**names: str | UnsetType) -> dict[str, str]:
    """Return the names that are set, without outer spaces; raises Invalid with each one that cannot be shown."""
    good, faults = {}, []
    for field, value in names.items():
        if isinstance(value, str):
            try:
                good[field] = text.clean(value, least=1, most=_LONGEST)
            except ValueError as fault:
                faults.append(_fault(field, str(fault)))
    if faults:
        raise Invalid(errors=faults)
    return good


def faults_of(names: Mapping[str, str | UnsetType]) -> list[FieldError]:
    """Return what is wrong with names, to be told with other faults."""
    try:
        cleaned(**names)
    except Invalid as fault:
        return list(fault.errors)
    return []


def _fault(field: str, why: str) -> FieldError:
    detail_ar = f"الاسم مطلوب، وأقصى طول له {_LONGEST} حرف، دون رموز مخفية"
    return FieldError(field, "name", f"a name of at most {_LONGEST} characters is expected: {why}", detail_ar)
