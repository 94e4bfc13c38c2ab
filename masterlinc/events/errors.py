"""What may be wrong with what an operator asks of events."""

from masterlinc.errors import Conflict, FieldError, Invalid, NotFound


class ReplayRuns(Conflict):
    """One replay of a subscription at a time."""

    code = "replay-runs"
    title, title_ar = "This subscription is being replayed", "تجري حالياً إعادة إرسال أحداث هذا الاشتراك"


class NoDeadLetter(NotFound):
    """The event is not parked for this subscription, or the caller may not see it."""

    code = "no-dead-letter"
    title, title_ar = "No such event is parked for this subscription", "لا يوجد حدث متوقف بهذا المعرّف لهذا الاشتراك"


def unknown_subscription() -> Invalid:
    """Return the fault of a name that no agent subscribes under."""
    return _wrong("subscription", "unknown-subscription", "There is no such subscription", "لا يوجد اشتراك بهذا الاسم")


def unknown_event() -> Invalid:
    """Return the fault of an event that is not kept, or that the caller may not see."""
    return _wrong("from", "unknown-event", "There is no such event", "لا يوجد حدث بهذا المعرّف")


def no_point() -> Invalid:
    """Return the fault of a text that is neither a time nor an event."""
    return _wrong(
        "from",
        "point",
        "A time such as 2026-01-31T12:00:00+03:00 or an event such as EVT-… is expected",
        "المتوقع وقت مثل 2026-01-31T12:00:00+03:00 أو حدث مثل EVT-…",
    )


def _wrong(path: str, code: str, detail: str, detail_ar: str) -> Invalid:
    return Invalid(f"{path}: {detail}", f"{path}: {detail_ar}", errors=[FieldError(path, code, detail, detail_ar)])
