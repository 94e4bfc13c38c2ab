"""What a caller may meet when signing in, and who sets up accounts."""

from masterlinc.errors import Conflict, TooMany, Unauthenticated


class LoginRefused(Unauthenticated):
    """The address is unknown, the password is wrong or the account is disabled: the answer does not say which."""

    code = "login-refused"
    title, title_ar = "The e-mail address or the password is wrong", "البريد الإلكتروني أو كلمة المرور غير صحيحة"


class LoginPaused(TooMany):
    """Too many wrong passwords for an address, whether anybody has it or not."""

    code = "login-paused"
    title = "Too many wrong passwords for this address; wait before the next try"
    title_ar = "محاولات خاطئة كثيرة لهذا البريد؛ انتظر قبل المحاولة التالية"


class RefreshRefused(Unauthenticated):
    """The refresh token is unknown, used, expired, or its session has ended."""

    code = "refresh-refused"
    title, title_ar = "The session has ended; sign in again", "انتهت الجلسة؛ يجب تسجيل الدخول مجدداً"


class EmailTaken(Conflict):
    """Another user has this address."""

    code = "email-taken"
    title, title_ar = "Another user has this e-mail address", "البريد الإلكتروني مستخدم لحساب آخر"


class LicenseTaken(Conflict):
    """Another organization has this licence."""

    code = "license-taken"
    title, title_ar = "Another organization has this licence", "رقم الترخيص مسجل لمنشأة أخرى"
