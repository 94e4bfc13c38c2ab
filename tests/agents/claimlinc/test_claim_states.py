"""The table of a claim's states: every event is a move of the table or a refusal, and what is final stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimlinc.contract import ClaimStatus
from claimlinc.errors import ClaimStateRefused
from claimlinc.service.states import ANSWERS, DECIDED, FINAL, TRANSITIONS, Event, Role, after, page

EVENTS = st.tuples(st.sampled_from(Event), st.sampled_from(Role))
REFUSED_BEFORE = (Event.PEND, Event.REFUSE)


@pytest.mark.parametrize("state", list(ClaimStatus))
@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("role", list(Role))
def test_every_event_is_a_move_or_a_refusal_in_both_languages(state, event, role):
    if (state, event, role) in TRANSITIONS:
        assert after(state, event, role) is TRANSITIONS[state, event, role]
        return
    with pytest.raises(ClaimStateRefused) as refused:
        after(state, event, role)
    assert refused.value.status == 409
    assert state.value in refused.value.detail
    assert event.value in refused.value.detail
    assert refused.value.detail_ar.startswith(f"المطالبة في حالة {state.value}")


@given(st.lists(EVENTS, max_size=60))
def test_no_walk_leaves_the_table_and_no_walk_leaves_an_end(walk):
    state = TRANSITIONS[None, Event.SUBMIT, Role.PROVIDER]
    for event, role in walk:
        before = state
        try:
            state = after(state, event, role)
        except ClaimStateRefused:
            assert (before, event, role) not in TRANSITIONS
        assert before not in FINAL or state is before
        assert state is not ClaimStatus.PENDING or before is ClaimStatus.PENDING
        assert before not in DECIDED or event not in REFUSED_BEFORE or state is before


def test_every_state_is_reached_and_every_other_one_than_a_final_one_is_left():
    reached = {None}
    while new := {to for (state, _, _), to in TRANSITIONS.items() if state in reached} - reached:
        reached |= new
    assert reached - {None} == set(ClaimStatus)
    assert set(ClaimStatus) - {state for state, _, _ in TRANSITIONS} == FINAL


def test_what_a_payer_answers_is_the_state_that_it_answers():
    for answer, event in ANSWERS.items():
        assert after(ClaimStatus.PENDING, event, Role.PAYER) is answer
        assert after(ClaimStatus.PENDED, event, Role.PAYER) is answer
    for state in DECIDED:
        assert {after(state, ANSWERS[answer], Role.PAYER) for answer in DECIDED} == set(DECIDED)


def test_nobody_decides_alone_what_wants_two():
    decides = {
        role for (state, _, role), to in TRANSITIONS.items() if state is ClaimStatus.SECOND_REVIEW and to in DECIDED
    }
    assert decides == {Role.SECOND_REVIEWER}


def test_the_page_shows_the_table():
    assert page() in (Path(__file__).parents[3] / "docs/review.md").read_text(encoding="utf-8")
