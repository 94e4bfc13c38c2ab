"""What every submission must keep, wherever it comes from; forms keep more."""

from decimal import Decimal

from claimlinc.contract import ClaimSubmission
from claimlinc.errors import ClaimInvalid
from masterlinc.errors import FieldError

_MONEY_BOUND = Decimal(10) ** 12


def check_submission(submission: ClaimSubmission, max_lines: int) -> None:
    """Raise ClaimInvalid with every fault that would keep a submission from being recorded."""
    faults = [*_lines(submission, max_lines), *_sequences(submission)]
    if not submission.identifier.value.strip():
        faults.append(fault("identifier.value", "missing", "A claim needs a number", "يجب أن تحمل المطالبة رقماً"))
    if faults:
        raise ClaimInvalid(errors=faults)


def fault(path: str, code: str, detail: str, detail_ar: str) -> FieldError:
    """Return one fault of a field."""
    return FieldError(path, code, detail, detail_ar)


def _lines(submission: ClaimSubmission, max_lines: int) -> list[FieldError]:
    count = len(submission.lines)
    if not count:
        return [
            fault("lines", "missing", "A claim needs at least one line", "يجب أن تحتوي المطالبة على بند واحد على الأقل")
        ]
    if count > max_lines:
        return [
            fault(
                "lines",
                "length",
                f"A claim has at most {max_lines} lines, not {count}",
                f"الحد الأقصى لبنود المطالبة {max_lines} وليس {count}",
            )
        ]
    found = [
        fault(f"lines[{place}].codes", "missing", "A line needs a service code", "يجب أن يحمل البند رمز خدمة")
        for place, line in enumerate(submission.lines)
        if not line.codes
    ]
    if sum(line.net for line in submission.lines) >= _MONEY_BOUND:
        found.append(
            fault("lines", "range", "The lines sum to more than any claim may", "مجموع البنود يتجاوز الحد المسموح")
        )
    return found


def _sequences(submission: ClaimSubmission) -> list[FieldError]:
    found = []
    for name in ("lines", "diagnoses", "care_team", "supporting_info"):
        seen: set[int] = set()
        for place, item in enumerate(getattr(submission, name)):
            if item.sequence < 1 or item.sequence in seen:
                found.append(
                    fault(
                        f"{name}[{place}].sequence",
                        "sequence",
                        f"Sequence {item.sequence} is used twice or is not positive",
                        f"الرقم التسلسلي {item.sequence} مكرر أو غير موجب",
                    )
                )
            seen.add(item.sequence)
    return found
