"""What who signs in with a provider may meet."""

from masterlinc.errors import Conflict, NotFound, Unauthenticated, Unavailable


class ProviderUnknown(NotFound):
    """The settings name no such provider, or no address of this system that it could send users back to."""

    code = "provider-unknown"
    title, title_ar = "There is no such way to sign in here", "طريقة الدخول هذه غير متوفرة هنا"


class ProviderRefused(Unauthenticated):
    """What came back from the provider is not good, or nobody here is linked to it: the answer does not say which."""

    code = "provider-refused"
    title, title_ar = "Signing in with this provider failed; begin again", "تعذر الدخول عبر هذا المزوّد؛ ابدأ من جديد"


class ProviderAway(Unavailable):
    """The provider does not answer, or not as it should."""

    code = "provider-away"
    title, title_ar = "The provider does not answer at the moment", "مزوّد الهوية لا يستجيب حالياً"


class IdentityTaken(Conflict):
    """The identity is linked already."""

    code = "identity-taken"
    title, title_ar = "This identity is linked to a user already", "هذه الهوية مرتبطة بمستخدم بالفعل"
