"""What those may meet who manage accounts, and everyone who manages their own."""

from masterlinc.errors import Conflict, Forbidden, Invalid


class RoleNotYours(Forbidden):
    """The caller's roles may not give or take a role of this account."""

    code = "role-not-yours"
    title = "Your roles may not give or take this role"
    title_ar = "أدوارك لا تسمح بمنح هذا الدور أو سحبه"


class OwnAccount(Forbidden):
    """Nobody changes their own roles or locks themselves out."""

    code = "own-account"
    title = "Your own roles and access are changed by another administrator"
    title_ar = "أدوارك وصلاحية دخولك يغيرها مدير آخر"


class HasAdministrator(Conflict):
    """The organization has somebody who manages its users."""

    code = "has-administrator"
    title = "The organization has an administrator, who makes its further users"
    title_ar = "للمنشأة مدير يتولى إضافة بقية المستخدمين"


class OwnOrganization(Forbidden):
    """The operator's own organization stays enabled: nobody could enable it again."""

    code = "own-organization"
    title = "Your own organization cannot be disabled"
    title_ar = "لا يمكن تعطيل منشأتك نفسها"


class WrongPassword(Invalid):
    """The present password is needed to choose a new one, and this is not it."""

    code = "wrong-password"
    title, title_ar = "The present password is wrong", "كلمة المرور الحالية غير صحيحة"


class EmergencyOpen(Conflict):
    """The caller has an open emergency access to this organization's records."""

    code = "emergency-open"
    title = "Your emergency access to these records is open; end it first, or go on with it"
    title_ar = "لديك وصول طارئ مفتوح إلى هذه السجلات؛ أنهِه أولاً أو تابع استخدامه"


class NotYourAccess(Forbidden):
    """Another's emergency access is ended by who manages users."""

    code = "not-your-access"
    title = "Another's emergency access is ended by who manages users"
    title_ar = "ينهي الوصول الطارئ لمستخدم آخر من يدير المستخدمين"
