"""What may be wrong with a simulation: all faults at once, each with its path and its words in two languages."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from msgspec import UNSET

from claimlinc.adjudication import RULES
from claimlinc.adjudication.work import Stage
from claimlinc.replay.schemas import BenefitOverride, Overrides, SimulationForm
from masterlinc import ids
from masterlinc.clock import RIYADH
from masterlinc.errors import FieldError, Invalid
from masterlinc.money import Quantity

_HUNDRED = 100
_DAY = timedelta(days=1)
# What these find is what the next ones go on from; each has an override of its own that takes its effect away.
_SWITCHED = frozenset({Stage.ELIGIBILITY, Stage.EDIT})
_NEEDED = frozenset({"benefit-class"})


def moment(text: str, *, end: bool = False) -> datetime:
    """Read a day of Riyadh or a time; as an end a day counts whole. Raises ValueError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=RIYADH)).astimezone(UTC)
    return datetime.combine(day + _DAY if end else day, time(), RIYADH).astimezone(UTC)


def span_of(form: SimulationForm) -> tuple[datetime | None, datetime | None]:
    """Return from when to when decisions were made; raises Invalid with every fault of the form."""
    faults, since, until = [], None, None
    try:
        since = moment(form.since) if form.since is not None else None
    except (ValueError, OverflowError):
        faults.append(_no_moment("since"))
    try:
        until = moment(form.until, end=True) if form.until is not None else None
    except (ValueError, OverflowError):
        faults.append(_no_moment("until"))
    if since and until and until <= since:
        faults.append(_fault("until", "order", "It must lie after `since`", "يجب أن يكون بعد `since`"))
    faults += claim_faults(form.claim_ids or ())
    faults += override_faults(form.overrides, "overrides.") if form.overrides else []
    refuse(faults)
    return since, until


def refuse(faults: list[FieldError]) -> None:
    """Raise Invalid where there are faults."""
    if faults:
        first = faults[0]
        raise Invalid(f"{first.path}: {first.detail}", f"{first.path}: {first.detail_ar}", errors=faults)


def claim_faults(claims: tuple[str, ...]) -> list[FieldError]:
    """Find numbers of claims that are none."""
    return [unknown_claim(place) for place, text in enumerate(claims) if not ids.looks_like("CLM", text)]


def claim_keys(claims: tuple[str, ...]) -> list[UUID]:
    """Return the keys of claims' numbers, each once."""
    return list(dict.fromkeys(ids.parse("CLM", text) for text in claims))


def unknown_claim(place: int) -> FieldError:
    """Say that a number names no claim that this payer has decided."""
    return _fault(
        f"claim_ids[{place}]",
        "unknown",
        "You have decided no claim of this number",
        "لا توجد مطالبة بهذا الرقم صدر قراركم فيها",
    )


def override_faults(overrides: Overrides, root: str = "") -> list[FieldError]:
    """Find what overrides may not hold."""
    return [
        *_percent(f"{root}percent_of_billed", overrides.percent_of_billed),
        *(fault for name, one in overrides.benefits.items() for fault in _benefit(f"{root}benefits.{name}", one)),
        *(
            fault
            for place, name in enumerate(overrides.rules_off)
            for fault in _rule(f"{root}rules_off[{place}]", name)
        ),
        *_version(f"{root}policy_version", overrides.policy_version),
    ]


def _benefit(path: str, one: BenefitOverride) -> Iterator[FieldError]:
    yield from _percent(f"{path}.copay_percent", one.copay_percent)
    seen = set()
    for place, limit in enumerate(one.limits):
        if (limit.kind, limit.per) in seen:
            yield _fault(
                f"{path}.limits[{place}]",
                "twice",
                "Another one is of the same kind and span",
                "حد آخر من النوع والمدى نفسيهما",
            )
        seen.add((limit.kind, limit.per))


def _percent(path: str, value: object) -> Iterator[FieldError]:
    if value is not UNSET and isinstance(value, Quantity) and value > _HUNDRED:
        yield _fault(path, "range", "A percentage from 0 to 100 is expected", "المتوقع نسبة من 0 إلى 100")


def _rule(path: str, name: str) -> Iterator[FieldError]:
    rule = next((rule for rule in RULES if rule.id == name), None)
    if rule is None:
        yield _fault(path, "unknown", "There is no rule of this name", "لا توجد قاعدة بهذا الاسم")
    elif rule.stage not in _SWITCHED or rule.id in _NEEDED:
        yield _fault(
            path,
            "needed",
            "The rules after this one go on from what it finds; override the terms that it reads",
            "تعتمد القواعد التالية على نتيجة هذه القاعدة؛ غيّر الشروط التي تقرؤها",
        )


def _version(path: str, text: str | None) -> Iterator[FieldError]:
    if text is None:
        return
    try:
        date.fromisoformat(text)
    except ValueError:
        yield _fault(path, "date", "A day such as 2026-01-31 is expected", "المتوقع يوم مثل 2026-01-31")


def _no_moment(path: str) -> FieldError:
    return _fault(
        path,
        "date",
        "A day such as 2026-01-31 or a time such as 2026-01-31T12:00:00+03:00 is expected",
        "المتوقع يوم مثل 2026-01-31 أو وقت مثل 2026-01-31T12:00:00+03:00",
    )


def _fault(path: str, code: str, detail: str, detail_ar: str) -> FieldError:
    return FieldError(path, code, detail, detail_ar)
