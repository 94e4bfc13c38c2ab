"""The states of a granted pre-authorization as one table: (state, event) → state; what is not named is refused.

The database refuses the same by itself (migration 0010).
"""

from enum import StrEnum

from claimlinc.authorization_schemas import AuthorizationStatus
from claimlinc.errors import AuthorizationStateRefused


class Event(StrEnum):
    """What may happen to an authorization."""

    GRANT = "grant"  # more of it: extended, or decided again
    USE = "use"  # and something is left
    USE_UP = "use_up"
    RETURN = "return"  # a use was taken back
    WITHDRAW = "withdraw"  # the decision that granted it was taken back
    CANCEL = "cancel"
    EXPIRE = "expire"


_ACTIVE, _USED_UP, _EXPIRED = AuthorizationStatus.ACTIVE, AuthorizationStatus.USED_UP, AuthorizationStatus.EXPIRED
_CANCELLED, _WITHDRAWN = AuthorizationStatus.CANCELLED, AuthorizationStatus.WITHDRAWN

TRANSITIONS: dict[tuple[AuthorizationStatus, Event], AuthorizationStatus] = {
    (_ACTIVE, Event.GRANT): _ACTIVE,
    (_ACTIVE, Event.USE): _ACTIVE,
    (_ACTIVE, Event.USE_UP): _USED_UP,
    (_ACTIVE, Event.RETURN): _ACTIVE,
    (_ACTIVE, Event.WITHDRAW): _WITHDRAWN,
    (_ACTIVE, Event.CANCEL): _CANCELLED,
    (_ACTIVE, Event.EXPIRE): _EXPIRED,
    (_USED_UP, Event.GRANT): _ACTIVE,
    (_USED_UP, Event.USE_UP): _USED_UP,
    (_USED_UP, Event.RETURN): _ACTIVE,
    (_USED_UP, Event.WITHDRAW): _WITHDRAWN,
    (_EXPIRED, Event.GRANT): _ACTIVE,
    (_EXPIRED, Event.USE): _EXPIRED,
    (_EXPIRED, Event.USE_UP): _USED_UP,
    (_EXPIRED, Event.RETURN): _EXPIRED,
    (_EXPIRED, Event.WITHDRAW): _WITHDRAWN,
    (_EXPIRED, Event.CANCEL): _CANCELLED,
    (_CANCELLED, Event.RETURN): _CANCELLED,
    (_CANCELLED, Event.WITHDRAW): _CANCELLED,
    (_WITHDRAWN, Event.GRANT): _ACTIVE,
    (_WITHDRAWN, Event.RETURN): _WITHDRAWN,
}


def after(state: AuthorizationStatus, event: Event) -> AuthorizationStatus:
    """Return an authorization's state after an event; raises AuthorizationStateRefused."""
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise AuthorizationStateRefused(
            f"an authorization that is {state.value} does not take {event.value}",
            f"الموافقة المسبقة في حالة {state.value} ولا تقبل الإجراء {event.value}",
        )
    return found
