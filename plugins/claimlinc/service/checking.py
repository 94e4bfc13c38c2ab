"""What every submission must keep, wherever it comes from; forms keep more."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from claimlinc.contract import ClaimSubmission
from claimlinc.errors import ClaimInvalid
from masterlinc.errors import FieldError

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)  # a Hijri date lies before, a slip of the hand beside
_MONEY_BOUND = Decimal(10) ** 12
_LAST_SEQUENCE = 2**31 - 1  # FHIR's positiveInt
_LONGEST_KEY = 255  # what an index holds together with the other keys, in any script
_LONGEST_LICENSE = 64


def check_submission(submission: ClaimSubmission, max_lines: int) -> None:
    """Raise ClaimInvalid with every fault that would keep a submission from being recorded."""
    faults = [*_lines(submission, max_lines), *_sequences(submission), *_days(submission), *_lengths(submission)]
    if not submission.identifier.value.strip():
        faults.append(fault("identifier.value", "missing", "A claim needs a number", "يجب أن تحمل المطالبة رقماً"))
    if faults:
        raise ClaimInvalid(errors=faults)


def is_sequence(number: int) -> bool:
    """Say whether a number can tell the parts of a claim apart."""
    return 0 < number <= _LAST_SEQUENCE


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
            if not is_sequence(item.sequence) or item.sequence in seen:
                found.append(
                    fault(
                        f"{name}[{place}].sequence",
                        "sequence",
                        "Sequences are positive integers and each is used once",
                        "الأرقام التسلسلية أعداد صحيحة موجبة ولا تتكرر",
                    )
                )
            seen.add(item.sequence)
    return found


def _days(submission: ClaimSubmission) -> Iterator[FieldError]:
    for path, day in _dated(submission):
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            yield fault(
                path,
                "range",
                f"A Gregorian day from {FIRST_DAY} to {LAST_DAY} is expected",
                f"المتوقع تاريخ ميلادي من {FIRST_DAY} إلى {LAST_DAY}",
            )


def _dated(submission: ClaimSubmission) -> Iterator[tuple[str, date | None]]:
    """Yield every day of a submission with its path."""
    yield "created", submission.created
    yield "subject.birth_date", submission.subject.birth_date
    if submission.cover.subscriber is not None:
        yield "cover.subscriber.birth_date", submission.cover.subscriber.birth_date
    for place, info in enumerate(submission.supporting_info):
        yield f"supporting_info[{place}].start", info.start
        yield f"supporting_info[{place}].end", info.end
    for place, line in enumerate(submission.lines):
        yield f"lines[{place}].service_date", line.service_date
        yield f"lines[{place}].service_end", line.service_end


def _lengths(submission: ClaimSubmission) -> Iterator[FieldError]:
    """Name what is too long to be found again: claims are known by these texts."""
    keys = [("identifier", submission.identifier)]
    keys += [(f"related[{place}].identifier", one.identifier) for place, one in enumerate(submission.related)]
    for path, identifier in keys:
        for name in ("system", "value"):
            if len(getattr(identifier, name)) > _LONGEST_KEY:
                yield _too_long(f"{path}.{name}", _LONGEST_KEY)
    for name in ("provider_license", "payer_license"):
        if len(getattr(submission, name) or "") > _LONGEST_LICENSE:
            yield _too_long(name, _LONGEST_LICENSE)


def _too_long(path: str, most: int) -> FieldError:
    return fault(path, "length", f"At most {most} characters are expected", f"الحد الأقصى {most} حرفاً")
