"""Every error of this agent.

NotFound   PolicyNotFound, MemberNotFound
Invalid    NoSuchProduct, OverlappingVersions
Conflict   NumberTaken, PostingDiffers
"""

from masterlinc.errors import Conflict, Invalid, NotFound


class PolicyNotFound(NotFound):
    """There is no such policy, or the caller may not see it."""

    code = "policy-not-found"
    title, title_ar = "No policy has this number", "لا توجد وثيقة بهذا الرقم"


class MemberNotFound(NotFound):
    """The policy has no such member."""

    code = "member-not-found"
    title, title_ar = "The policy has no such member", "لا يوجد مستفيد بهذا الرقم في الوثيقة"


class NoSuchProduct(Invalid):
    """The payer has no such product or class."""

    code = "no-such-product"
    title, title_ar = "The payer has no such product or class", "لا يوجد لدى الجهة الدافعة منتج أو فئة بهذا الاسم"


class OverlappingVersions(Invalid):
    """Two versions would hold on the same day."""

    code = "overlapping-versions"
    title, title_ar = "Two versions would hold on the same day", "يتداخل إصداران في اليوم نفسه"


class AmbiguousPolicy(Conflict):
    """Several payers have a policy of this number."""

    code = "ambiguous-policy"
    title = "More than one payer has a policy of this number: name a member"
    title_ar = "يوجد لدى أكثر من جهة دافعة وثيقة بهذا الرقم: حدد المستفيد"


class NumberTaken(Conflict):
    """The number belongs to another record of the payer."""

    code = "number-taken"
    title, title_ar = "This number is already in use", "هذا الرقم مستخدم من قبل"


class PostingDiffers(Conflict):
    """The decision was posted before with other figures."""

    code = "posting-differs"
    title = "The decision was posted before with other figures"
    title_ar = "سبق ترحيل القرار بمبالغ مختلفة"
