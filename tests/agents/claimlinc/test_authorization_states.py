"""The states of an authorization: the table, and the same in the database whatever the service does."""

import asyncpg
import pytest
from authorization_builders import granted, payer
from hypothesis import given
from hypothesis import strategies as st

from claimlinc.authorization_schemas import AuthorizationStatus
from claimlinc.errors import AuthorizationStateRefused
from claimlinc.service.authorization_states import TRANSITIONS, Event, after
from masterlinc import ids

STATES, EVENTS = [*AuthorizationStatus], [*Event]
# One that became active moves on at once where nothing is left of it, or its days are over.
AT_ONCE = (AuthorizationStatus.USED_UP, AuthorizationStatus.EXPIRED)
NEVER_PAST = (AuthorizationStatus.WITHDRAWN, AuthorizationStatus.EXPIRED)  # what is granted anew has days to come


@given(st.sampled_from(STATES), st.sampled_from(EVENTS))
def test_what_the_table_does_not_name_is_refused_in_both_languages(state, event):
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(AuthorizationStateRefused) as refused:
        after(state, event)
    assert state.value in refused.value.detail
    assert state.value in refused.value.detail_ar


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_a_cancelled_authorization_stays_it_and_one_that_is_used_up_is_not_cancelled(events):
    state = AuthorizationStatus.ACTIVE
    for event in events:
        if (state, event) not in TRANSITIONS:
            continue
        before, state = state, after(state, event)
        assert before is not AuthorizationStatus.CANCELLED or state is before
        assert (before, event) != (AuthorizationStatus.USED_UP, Event.CANCEL)


def moves():
    direct = {(state, to) for (state, _), to in TRANSITIONS.items() if state is not to}
    through = {(state, to) for state, middle in direct if middle is AuthorizationStatus.ACTIVE for to in AT_ONCE}
    return {move for move in direct | through if move[0] is not move[1]} - {NEVER_PAST}


@pytest.mark.parametrize("state", STATES)
async def test_the_database_takes_the_same_moves(parties, state):
    for to in STATES:
        if to is state:
            continue
        _, decided = await granted(parties)
        key, path = ids.parse("AUT", decided.decision.preauth_ref), [state] if state is not STATES[0] else []
        taken = True
        try:
            async with payer(parties).transaction() as tx:
                for one in (*path, to):
                    await tx.execute("UPDATE claimlinc.preauthorization SET status = $2 WHERE id = $1", key, one.value)
        except asyncpg.CheckViolationError:
            taken = False
        assert taken is ((state, to) in moves()), (state, to)
