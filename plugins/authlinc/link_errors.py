"""What who chooses a password by a link may meet."""

from masterlinc.errors import Conflict, NotBuilt, TooMany, Unauthenticated


class MailOff(NotBuilt):
    """The settings name no mail server, or no address that links could begin with."""

    code = "mail-off"
    title, title_ar = "This system sends no mail", "هذا النظام لا يرسل البريد"


class LinkRefused(Unauthenticated):
    """The link is unknown, used, over, or older than the password."""

    code = "link-refused"
    title, title_ar = "This link works no more; ask for a new one", "هذا الرابط لم يعد صالحاً؛ اطلب رابطاً جديداً"


class HasPassword(Conflict):
    """The user has a password, and needs no invitation."""

    code = "has-password"
    title, title_ar = "The user has a password already", "المستخدم لديه كلمة مرور بالفعل"


class TooManyMails(TooMany):
    """The address was sent as many mails as it may be in an hour."""

    code = "too-many-mails"
    title, title_ar = (
        "This address was sent too many mails; wait an hour",
        "أُرسلت رسائل كثيرة إلى هذا العنوان؛ انتظر ساعة",
    )
