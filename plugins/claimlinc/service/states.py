"""The states of a claim as one table: (state, event, who) → state; what is not named is refused.

The provider's claim and the payer's case on it move by the same table. `docs/review.md` shows it as it is here.
"""

from collections.abc import Iterable
from enum import StrEnum

from claimlinc.contract import ClaimEvent, ClaimStatus
from claimlinc.errors import ClaimStateRefused

Event = ClaimEvent


class Role(StrEnum):
    """Who makes it happen."""

    PROVIDER = "provider"
    PAYER = "payer"  # its rules and its messages, and the exchange, which answers for it
    REVIEWER = "reviewer"  # a person of the payer
    SECOND_REVIEWER = "second_reviewer"  # another person of the payer


Key = tuple[ClaimStatus | None, Event, Role]  # None: before there is a claim

_S = ClaimStatus
DECIDED = (_S.APPROVED, _S.PARTIAL, _S.REJECTED)
WAITS_FOR_THE_PAYER = (_S.PENDED, _S.INFORMATION_REQUESTED, _S.APPEALED)
OPEN = (*WAITS_FOR_THE_PAYER, _S.SECOND_REVIEW)
DECIDED_OR_PAID = (*DECIDED, _S.PAID)
FINAL = frozenset({_S.ERROR, _S.CANCELLED, _S.REPLACED})
_OUTCOMES = {Event.APPROVE: _S.APPROVED, Event.APPROVE_IN_PART: _S.PARTIAL, Event.REJECT: _S.REJECTED}

# The event that an answer of the payer or of the hub is.
ANSWERS: dict[ClaimStatus, Event] = {
    **{state: event for event, state in _OUTCOMES.items()},
    _S.PENDED: Event.PEND,
    _S.ERROR: Event.REFUSE,
}


def _moves(states: Iterable[ClaimStatus | None], event: Event, role: Role, to: ClaimStatus) -> dict[Key, ClaimStatus]:
    return {(state, event, role): to for state in states}


def _decides(states: Iterable[ClaimStatus], role: Role) -> dict[Key, ClaimStatus]:
    return {(state, event, role): to for state in states for event, to in _OUTCOMES.items()}


TRANSITIONS: dict[Key, ClaimStatus] = {
    **_moves([None], Event.SUBMIT, Role.PROVIDER, _S.PENDING),
    # What is answered. Once decided, a later answer reissues the decision and is complete as well.
    **_decides((_S.PENDING, *WAITS_FOR_THE_PAYER, *DECIDED_OR_PAID), Role.PAYER),
    **_moves([_S.PENDING, *WAITS_FOR_THE_PAYER], Event.PEND, Role.PAYER, _S.PENDED),
    **_moves([_S.PENDING, _S.PENDED], Event.REFUSE, Role.PAYER, _S.ERROR),
    # A person of the payer looks at it.
    **{(state, Event.ASSIGN, Role.REVIEWER): state for state in OPEN},
    **{(state, Event.ESCALATE, role): state for role in (Role.REVIEWER, Role.PAYER) for state in OPEN},
    **_decides(WAITS_FOR_THE_PAYER, Role.REVIEWER),
    **_moves([_S.PENDED, _S.APPEALED], Event.ASK, Role.REVIEWER, _S.INFORMATION_REQUESTED),
    **_moves([_S.INFORMATION_REQUESTED], Event.INFORM, Role.PROVIDER, _S.PENDED),
    **_moves(WAITS_FOR_THE_PAYER, Event.PROPOSE, Role.REVIEWER, _S.SECOND_REVIEW),
    **_decides([_S.SECOND_REVIEW], Role.SECOND_REVIEWER),
    **_moves([_S.SECOND_REVIEW], Event.SEND_BACK, Role.SECOND_REVIEWER, _S.PENDED),
    # What was decided is looked at again.
    **_moves(DECIDED_OR_PAID, Event.APPEAL, Role.PROVIDER, _S.APPEALED),
    **_moves(DECIDED_OR_PAID, Event.REOPEN, Role.REVIEWER, _S.PENDED),
    # How it ends.
    **_moves((*OPEN, *DECIDED), Event.CANCEL, Role.PROVIDER, _S.CANCELLED),
    # The provider corrects what is decided; by the time that the correction is decided, it may be looked at again.
    **_moves(DECIDED_OR_PAID, Event.REPLACE, Role.PROVIDER, _S.REPLACED),
    **_moves((*OPEN, *DECIDED_OR_PAID), Event.REPLACE, Role.PAYER, _S.REPLACED),
    **_moves([_S.APPROVED, _S.PARTIAL], Event.PAY, Role.PAYER, _S.PAID),
}


def after(state: ClaimStatus, event: Event, role: Role) -> ClaimStatus:
    """Return the state after an event; raises ClaimStateRefused."""
    found = TRANSITIONS.get((state, event, role))
    if found is None:
        who, who_ar = _ROLE_WORDS[role]
        raise ClaimStateRefused(
            f"a claim that is {state.value} does not take the event {event.value} of {who}",
            f"المطالبة في حالة {state.value} ولا تقبل الإجراء {event.value} من {who_ar}",
        )
    return found


def page() -> str:
    """Return the table as it stands in docs/review.md."""
    rows = [_row(*key, to) for key, to in TRANSITIONS.items()]
    return "\n".join(["| state | event | by | state after |", "|---|---|---|---|", *rows])


def _row(state: ClaimStatus | None, event: Event, role: Role, to: ClaimStatus) -> str:
    before = f"`{state.value}`" if state else "(none)"
    return f"| {before} | `{event.value}` | {role.value.replace('_', ' ')} | `{to.value}` |"


_ROLE_WORDS = {
    Role.PROVIDER: ("its provider", "مقدم الخدمة"),
    Role.PAYER: ("its payer", "الجهة الدافعة"),
    Role.REVIEWER: ("a reviewer", "المراجع"),
    Role.SECOND_REVIEWER: ("a second reviewer", "المراجع الثاني"),
}
