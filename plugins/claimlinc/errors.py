"""What may be wrong with a claim.

ClaimInvalid           422  the claim cannot be taken as it is; every fault is listed with its path
ClaimNumberTaken       409  another claim was recorded under this number
ClaimStateRefused      409  the claim's state does not take this event
AuthorizationStateRefused 409  the authorization's state does not take this event
ClaimNotCorrectable    409  the claim is not decided, so that a correction would have nothing to stand in the place of
ClaimCorrected         409  another claim corrects this one already
ClaimNotCancellable    409  the claim was paid, or its payer's decision is not kept in this system
NotTheProvider         403  only the provider that an authorization is for does this
ResearchIsTheOperators 403  research reads over all organizations, for the operator alone
"""

from masterlinc.errors import Conflict, Forbidden, Invalid


class ClaimInvalid(Invalid):
    """The claim cannot be taken as it is."""

    code = "claim-invalid"
    title, title_ar = "The claim cannot be taken as it is", "لا يمكن قبول المطالبة بصيغتها الحالية"


class ClaimNumberTaken(Conflict):
    """Another claim was recorded under this number."""

    code = "claim-number-taken"
    title = "Another claim was recorded under this number; a correction is a new claim that names the old one"
    title_ar = "سُجلت مطالبة أخرى بهذا الرقم؛ التصحيح يكون بمطالبة جديدة مرتبطة بالسابقة"


class ClaimStateRefused(Conflict):
    """The claim's state does not take this event."""

    code = "claim-state"
    title, title_ar = "The claim's state does not take this", "حالة المطالبة لا تقبل هذا الإجراء"


class AuthorizationStateRefused(Conflict):
    """The authorization's state does not take this event."""

    code = "authorization-state"
    title = "The pre-authorization's state does not take this"
    title_ar = "حالة الموافقة المسبقة لا تقبل هذا الإجراء"


class ClaimNotCorrectable(Conflict):
    """The claim is not decided, so that a correction would have nothing to stand in the place of."""

    code = "claim-not-correctable"
    title = "Only a claim that its payer has decided can be corrected"
    title_ar = "لا يمكن تصحيح المطالبة إلا بعد صدور قرار الجهة الدافعة فيها"


class ClaimCorrected(Conflict):
    """Another claim corrects this one already."""

    code = "claim-corrected"
    title = "Another claim corrects this one already; correct that one"
    title_ar = "توجد مطالبة أخرى تصحح هذه المطالبة؛ يمكن تصحيح تلك المطالبة"


class ClaimNotCancellable(Conflict):
    """The claim was paid, or its payer's decision is not kept in this system."""

    code = "claim-not-cancellable"
    title, title_ar = "The claim cannot be cancelled any more", "لم يعد بالإمكان إلغاء المطالبة"


class NotTheProvider(Forbidden):
    """Only the provider that an authorization is for does this."""

    code = "not-the-provider"
    title = "Only the provider that the pre-authorization is for does this"
    title_ar = "هذا الإجراء متاح فقط لمقدم الخدمة صاحب الموافقة المسبقة"


class ResearchIsTheOperators(Forbidden):
    """Research reads over all organizations, for the operator alone."""

    code = "research-is-the-operators"
    title = "Research over all organizations is for the operator's researchers"
    title_ar = "البحث عبر جميع المنشآت متاح لباحثي المشغل فقط"
