"""A claim's states as one table: (state, answer) → state; what is not named is refused."""

from claimlinc.contract import ClaimStatus
from claimlinc.errors import ClaimStateRefused

_DECIDED = (ClaimStatus.APPROVED, ClaimStatus.PARTIAL, ClaimStatus.REJECTED)

# Once decided, a later answer reissues the decision and is complete as well; a refused message is sent as a new claim.
TRANSITIONS: dict[tuple[ClaimStatus, ClaimStatus], ClaimStatus] = {
    **{(ClaimStatus.PENDING, answer): answer for answer in (*_DECIDED, ClaimStatus.PENDED, ClaimStatus.ERROR)},
    **{(ClaimStatus.PENDED, answer): answer for answer in (*_DECIDED, ClaimStatus.PENDED, ClaimStatus.ERROR)},
    **{(state, answer): answer for state in _DECIDED for answer in _DECIDED},
}


def after(state: ClaimStatus, answer: ClaimStatus) -> ClaimStatus:
    """Return a claim's state after an answer; raises ClaimStateRefused."""
    found = TRANSITIONS.get((state, answer))
    if found is None:
        raise ClaimStateRefused(
            f"a claim that is {state.value} does not take the answer {answer.value}",
            f"المطالبة في حالة {state.value} ولا تقبل الرد {answer.value}",
        )
    return found
