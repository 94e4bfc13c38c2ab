"""The table of a claim's states."""

import pytest

from claimlinc.contract import ClaimStatus
from claimlinc.errors import ClaimStateRefused
from claimlinc.service.states import TRANSITIONS, after

DECIDED = {ClaimStatus.APPROVED, ClaimStatus.PARTIAL, ClaimStatus.REJECTED}


@pytest.mark.parametrize("state", list(ClaimStatus))
@pytest.mark.parametrize("answer", list(ClaimStatus))
def test_every_pair_is_a_move_or_a_refusal(state, answer):
    if (state, answer) in TRANSITIONS:
        assert after(state, answer) is answer
    else:
        with pytest.raises(ClaimStateRefused) as refused:
            after(state, answer)
        assert refused.value.status == 409
        assert state.value in refused.value.detail


def test_what_is_decided_stays_decided():
    assert {answer for state, answer in TRANSITIONS if state in DECIDED} == DECIDED


def test_nothing_goes_back_to_pending_and_an_error_is_the_end():
    assert ClaimStatus.PENDING not in {answer for _, answer in TRANSITIONS}
    assert ClaimStatus.ERROR not in {state for state, _ in TRANSITIONS}
