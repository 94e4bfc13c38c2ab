"""What who manages the keys and clients of machines may meet."""

from masterlinc.errors import Conflict


class TooManyKeys(Conflict):
    """The organization has as many keys as it may have at a time."""

    code = "too-many-keys"
    title = "There are as many keys as there may be; revoke one first"
    title_ar = "بلغ عدد المفاتيح الحد المسموح؛ يجب إلغاء أحدها أولاً"


class KeyOver(Conflict):
    """The key was revoked, or its time is over: it gets no new secret."""

    code = "key-over"
    title, title_ar = "This key is no longer in use; make a new one", "هذا المفتاح لم يعد مستخدماً؛ أنشئ مفتاحاً جديداً"


class TooManyClients(Conflict):
    """The organization has as many clients as it may have at a time."""

    code = "too-many-clients"
    title = "There are as many clients as there may be; revoke one first"
    title_ar = "بلغ عدد العملاء الآليين الحد المسموح؛ يجب إلغاء أحدهم أولاً"
