"""Every error that a caller may meet.

DomainError
├── Malformed             400  what was sent cannot be parsed
├── Unauthenticated       401
├── Forbidden             403
├── NotFound              404  also what the caller may not see
├── TimedOut              408
├── Conflict              409
├── Gone                  410
├── PreconditionFailed    412
├── TooLarge              413
├── UnsupportedMedia      415
├── Invalid               422  parsed, and wrong
├── PreconditionRequired  428
├── TooMany               429
├── NotBuilt              501
├── Unavailable           503
└── TooSlow               504
StartupError                   the process cannot start; one line says why
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """A fault of one field; `path` as in `items[0].amount`."""

    path: str
    code: str
    detail: str
    detail_ar: str


class DomainError(Exception):
    """A fault with a code and words in English and Arabic; becomes a problem body (RFC 9457)."""

    status = 400
    code = "bad-request"
    title = "The request was refused"
    title_ar = "رُفض الطلب"

    def __init__(
        self,
        detail: str = "",
        detail_ar: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self.detail = detail or self.title
        self.detail_ar = detail_ar or self.title_ar
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(self.detail)


class Malformed(DomainError):
    """What was sent cannot be parsed."""

    status, code = 400, "malformed"
    title, title_ar = "The request cannot be read", "تعذرت قراءة الطلب"


class Unauthenticated(DomainError):
    """No valid token came with the request."""

    status, code = 401, "unauthenticated"
    title, title_ar = "Sign in first", "يجب تسجيل الدخول أولاً"


class Forbidden(DomainError):
    """The caller lacks the permission."""

    status, code = 403, "forbidden"
    title, title_ar = "This is not allowed for you", "هذا الإجراء غير مسموح لك"


class NotFound(DomainError):
    """There is no such thing, or the caller may not see it."""

    status, code = 404, "not-found"
    title, title_ar = "There is no such thing here", "العنصر المطلوب غير موجود"


class TimedOut(DomainError):
    """The request did not arrive in time."""

    status, code = 408, "timed-out"
    title, title_ar = "The request took too long to arrive", "استغرق وصول الطلب وقتاً طويلاً"


class Conflict(DomainError):
    """The request collides with what is stored."""

    status, code = 409, "conflict"
    title, title_ar = "This collides with what is already there", "يتعارض الطلب مع ما هو مسجل"


class Gone(DomainError):
    """It was there; what was kept of it is no longer."""

    status, code = 410, "gone"
    title, title_ar = "This was kept for its time and is gone", "انتهت مدة حفظ هذا السجل"


class PreconditionFailed(DomainError):
    """The stored version is not the one that the caller read."""

    status, code = 412, "precondition-failed"
    title, title_ar = "It was changed meanwhile", "تم تغيير السجل في هذه الأثناء"


class TooLarge(DomainError):
    """The request is too large."""

    status, code = 413, "too-large"
    title, title_ar = "The request is too large", "حجم الطلب أكبر من المسموح"


class UnsupportedMedia(DomainError):
    """The body's content type is not understood."""

    status, code = 415, "unsupported-media-type"
    title, title_ar = "This content type is not understood", "نوع المحتوى غير مدعوم"


class Invalid(DomainError):
    """Parsed, and wrong."""

    status, code = 422, "invalid"
    title, title_ar = "Some values are wrong", "بعض القيم غير صحيحة"


class PreconditionRequired(DomainError):
    """The request must name the version that it changes."""

    status, code = 428, "precondition-required"
    title, title_ar = "Say which version you change (If-Match)", "يجب تحديد الإصدار المراد تغييره (If-Match)"


class TooMany(DomainError):
    """Too many requests; `Retry-After` says when to come again."""

    status, code = 429, "too-many-requests"
    title, title_ar = "Too many requests", "عدد الطلبات أكبر من المسموح"


class NotBuilt(DomainError):
    """A known thing that this version does not do."""

    status, code = 501, "not-built"
    title, title_ar = "This version does not do that", "هذه الميزة غير متوفرة في هذا الإصدار"


class Unavailable(DomainError):
    """Something that the request needs is not there now."""

    status, code = 503, "unavailable"
    title, title_ar = "Not available at the moment", "الخدمة غير متاحة حالياً"


class TooSlow(DomainError):
    """What was asked for was not done in the time that was given for it."""

    status, code = 504, "too-slow"
    title, title_ar = "It was not done in time", "لم يكتمل التنفيذ في الوقت المحدد"


class StartupError(Exception):
    """The process cannot start; the message is one clear line."""


def the_one(fault: BaseException) -> BaseException:
    """Unwrap a fault from the groups that task groups put around it, where it is the only one."""
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    return fault
