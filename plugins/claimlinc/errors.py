"""What may be wrong with a claim.

ClaimInvalid           422  the claim cannot be taken as it is; every fault is listed with its path
ClaimNumberTaken       409  another claim was recorded under this number
ClaimStateRefused      409  the claim's state does not take this event
AuthorizationStateRefused 409  the authorization's state does not take this event
ClaimNotCorrectable    409  the claim is not decided, so that a correction would have nothing to stand in the place of
ClaimCorrected         409  another claim corrects this one already
ClaimNotCancellable    409  the claim was paid, or its payer's decision is not kept in this system
NotTheProvider         403  only the provider that an authorization is for does this
RulingInvalid          422  a ruling cannot be taken as it is; every fault is listed with its path
RulesStillPend         409  the rules still want a person's decision
ProposalChanged        409  the figures are not those that were proposed
SamePerson             409  the second person is the first one
AppealTooLate          409  the time for an appeal is over
PayerNotHere           409  the claim was decided by a payer outside of this system
ReviewTermsTaken       409  the payer has terms of review from that day on
NothingDue             409  nothing is due to the provider, or less than is to be taken back
BatchStateRefused      409  the batch's state does not take this
BankLineMatched        409  the bank line belongs to a remittance already
BankLineNotMatched     409  the bank line belongs to no remittance
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


class NothingDue(Conflict):
    """Nothing is due to the provider, or less than is to be taken back."""

    code = "nothing-due"
    title, title_ar = "Nothing is due to this provider", "لا توجد مستحقات لمقدم الخدمة هذا"


class BatchStateRefused(Conflict):
    """The batch's state does not take this."""

    code = "batch-state"
    title, title_ar = "The batch's state does not take this", "حالة دفعة السداد لا تقبل هذا الإجراء"


class BankLineMatched(Conflict):
    """The bank line belongs to a remittance already."""

    code = "bank-line-matched"
    title, title_ar = "This bank line is matched already", "حركة البنك هذه مطابقة مسبقاً"


class BankLineNotMatched(Conflict):
    """The bank line belongs to no remittance."""

    code = "bank-line-not-matched"
    title, title_ar = "This bank line is not matched", "حركة البنك هذه غير مطابقة"


class ResearchIsTheOperators(Forbidden):
    """Research reads over all organizations, for the operator alone."""

    code = "research-is-the-operators"
    title = "Research over all organizations is for the operator's researchers"
    title_ar = "البحث عبر جميع المنشآت متاح لباحثي المشغل فقط"


class RulingInvalid(Invalid):
    """A ruling cannot be taken as it is."""

    code = "ruling-invalid"
    title, title_ar = "The ruling cannot be taken as it is", "لا يمكن قبول القرار بصيغته الحالية"


class RulesStillPend(Conflict):
    """The rules still want a person's decision."""

    code = "rules-still-pend"
    title, title_ar = "The rules still want a person to decide", "لا تزال القواعد تتطلب قرار مختص"


class ProposalChanged(Conflict):
    """The figures are not those that were proposed."""

    code = "proposal-changed"
    title = "The figures changed since they were proposed: send it back"
    title_ar = "تغيرت المبالغ منذ اقتراحها: أعدها إلى المراجع"


class SamePerson(Conflict):
    """The second person is the first one."""

    code = "same-person"
    title, title_ar = "Another person has to agree", "يجب أن يوافق شخص آخر"


class AppealTooLate(Conflict):
    """The time for an appeal is over."""

    code = "appeal-too-late"
    title, title_ar = "The time for an appeal is over", "انتهت مهلة الاعتراض"


class PayerNotHere(Conflict):
    """The claim was decided by a payer outside of this system."""

    code = "payer-not-here"
    title = "No payer of this system decided this claim"
    title_ar = "لم تصدر قرار هذه المطالبة جهة دافعة مسجلة في هذا النظام"


class ReviewTermsTaken(Conflict):
    """The payer has terms of review from that day on."""

    code = "review-terms-taken"
    title, title_ar = "There are terms of review from that day on", "توجد شروط مراجعة من هذا التاريخ"
