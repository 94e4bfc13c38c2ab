"""Every error as `application/problem+json` (RFC 9457), in English and Arabic, without anything of the inside."""

import re
from typing import Any, cast

import asyncpg
from litestar import Request
from litestar.exceptions import HTTPException, ValidationException

from masterlinc import errors
from masterlinc.errors import DomainError, FieldError
from masterlinc.http.language import language
from masterlinc.http.response import Response
from masterlinc.http.trace import trace_id
from masterlinc.observe.logs import logger
from masterlinc.wire.faults import words

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:masterlinc:problem:"
_MISSING_PARAMETER = re.compile(r"Missing required (\w+) parameter '(.+?)' for path")
_RETRY_AFTER = {429: "1", 503: "2"}


class MethodNotAllowed(DomainError):
    """The path exists, and does not take this method."""

    status, code = 405, "method-not-allowed"
    title, title_ar = "This method is not allowed here", "هذه الطريقة غير مسموحة هنا"


class NotAcceptable(DomainError):
    """No representation that the caller accepts."""

    status, code = 406, "not-acceptable"
    title, title_ar = "Answers here are JSON", "الردود هنا بصيغة JSON فقط"


class Broken(DomainError):
    """A fault of ours; the log knows more, under the trace id."""

    status, code = 500, "internal-error"
    title, title_ar = "Something went wrong on our side", "حدث خطأ لدينا"


_BY_STATUS: dict[int, type[DomainError]] = {
    kind.status: kind
    for kind in (
        errors.Malformed,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        MethodNotAllowed,
        NotAcceptable,
        errors.TimedOut,
        errors.Conflict,
        errors.Gone,
        errors.PreconditionFailed,
        errors.TooLarge,
        errors.UnsupportedMedia,
        errors.Invalid,
        errors.PreconditionRequired,
        errors.TooMany,
        errors.Unavailable,
    )
}


def answer(request: Request[Any, Any, Any], fault: Exception) -> Response[dict[str, Any]]:
    """Turn anything that was raised into the one shape of an error."""
    error = as_domain_error(fault)
    if error.status >= 500 and error.status != errors.NotBuilt.status:  # noqa: PLR2004
        _log(request, error, fault)
    return Response(
        content=body(error, trace_id(request.scope), language(request.scope)),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers=_headers(error),
    )


def body(error: DomainError, trace: str, wanted: str) -> dict[str, Any]:
    """Return a problem's members; `error`, `message` and `message_ar` are those of the first system."""
    arabic = wanted == "ar"
    return error.extra | {
        "type": _TYPE + error.code,
        "title": error.title_ar if arabic else error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail_ar if arabic else error.detail,
        "detail_ar": error.detail_ar,
        "errors": [_field(fault, arabic=arabic) for fault in error.errors],
        "trace_id": trace,
        "error": error.status,
        "message": error.detail,
        "message_ar": error.detail_ar,
    }


def as_domain_error(fault: BaseException) -> DomainError:
    """Find the words for a fault; what is not known is ours."""
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    if isinstance(fault, DomainError):
        return fault
    if isinstance(fault, ValidationException):
        return _wrong_parameters(fault)
    if isinstance(fault, HTTPException):
        known = _BY_STATUS.get(fault.status_code)
        if known is not None:
            return known(headers=fault.headers)
        return errors.Malformed() if fault.status_code < 500 else Broken()  # noqa: PLR2004
    return _database_fault(fault) or Broken()


def _database_fault(fault: BaseException) -> DomainError | None:
    if isinstance(fault, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError):
        return errors.Invalid("A text holds a character that cannot be stored", "يحتوي أحد النصوص على رمز لا يمكن حفظه")
    if isinstance(
        fault,
        asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError  # also a statement that ran out of its time
        | asyncpg.InsufficientResourcesError
        | asyncpg.SerializationError
        | asyncpg.DeadlockDetectedError
        | asyncpg.LockNotAvailableError,
    ):
        return errors.Unavailable("The database is busy or away; try again", "قاعدة البيانات مشغولة؛ حاول مرة أخرى")
    return None


def _wrong_parameters(fault: ValidationException) -> DomainError:
    """Path and query parameters; bodies never come this way, but for one that is missing."""
    missing = _MISSING_PARAMETER.match(fault.detail)
    if missing:
        return _invalid([FieldError(missing[2], "missing", "This parameter is required", "هذا المعامل مطلوب")])
    found = (
        [_parameter(entry) for entry in fault.extra if isinstance(entry, dict)] if isinstance(fault.extra, list) else []
    )
    if any(error.path == "data" for error in found):
        return errors.Malformed("Send a body of JSON", "يجب إرسال محتوى بصيغة JSON")
    return _invalid(found)


def _parameter(entry: dict[str, Any]) -> FieldError:
    code, _, detail, detail_ar = words(str(entry.get("message", "")))
    return FieldError(str(entry.get("key", "")), code, detail, detail_ar)


def _invalid(found: list[FieldError]) -> DomainError:
    if not found:
        return errors.Invalid()
    first = found[0]
    return errors.Invalid(f"{first.path}: {first.detail}", f"{first.path}: {first.detail_ar}", errors=found)


def _field(fault: FieldError, *, arabic: bool) -> dict[str, str]:
    return {
        "path": fault.path,
        "code": fault.code,
        "detail": fault.detail_ar if arabic else fault.detail,
        "detail_ar": fault.detail_ar,
    }


def _headers(error: DomainError) -> dict[str, str]:
    if error.status in _RETRY_AFTER:
        return {"Retry-After": _RETRY_AFTER[error.status]} | error.headers
    if error.status == 401:  # noqa: PLR2004
        return {"WWW-Authenticate": "Bearer"} | error.headers
    return error.headers


def _log(request: Request[Any, Any, Any], error: DomainError, fault: Exception) -> None:
    scope = cast("dict[str, Any]", request.scope)
    logger.fault(
        "request failed",
        fault,
        trace_id=trace_id(scope),
        method=scope["method"],
        route=scope.get("path_template", ""),
        status=error.status,
        code=error.code,
    )
