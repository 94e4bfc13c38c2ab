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


class SecondFactorRequired(Unauthenticated):
    """What was shown is right, and not enough: `challenge` goes back with a code."""

    code = "second-factor-required"
    title = "Send a code of your authenticator, with the challenge"
    title_ar = "أرسل رمزاً من تطبيق المصادقة مع قيمة challenge"


class EnrolmentRequired(Unauthenticated):
    """What was shown is right; the role asks for a second factor, and the user has none yet."""

    code = "second-factor-enrolment-required"
    title = "Your role needs a second factor: set one up with the challenge"
    title_ar = "دورك يتطلب عاملاً ثانياً للتحقق: فعّله باستخدام قيمة challenge"


class ChallengeRefused(Unauthenticated):
    """The challenge is unknown, used or over."""

    code = "challenge-refused"
    title, title_ar = "The sign-in took too long; begin again", "انتهت مهلة تسجيل الدخول؛ ابدأ من جديد"


class CodeRefused(Unauthenticated):
    """The code is wrong, or was used before."""

    code = "code-refused"
    title, title_ar = "The code is wrong or was used before", "الرمز غير صحيح أو سبق استخدامه"


class SecondFactorPresent(Conflict):
    """The user has a second factor already."""

    code = "second-factor-present"
    title = "You have a second factor; take it away first"
    title_ar = "لديك عامل تحقق ثانٍ؛ يجب إلغاؤه أولاً"


class SecondFactorMissing(Conflict):
    """The user has no second factor."""

    code = "second-factor-missing"
    title, title_ar = "There is no second factor", "لا يوجد عامل تحقق ثانٍ"


class OwnFactor(Conflict):
    """One's own second factor is taken away with a code of it, not by right of office."""

    code = "own-second-factor"
    title = "Your own second factor is taken away with a code of it"
    title_ar = "يُلغى عامل التحقق الخاص بك برمز منه"
