"""Every route by every role, for things of one's own, of others, deleted and absent (cases 42, 49, 52)."""

from collections import defaultdict

import pytest
from cells import HIDDEN, STRANGERS, UNKNOWN, UNNUMBERED, Cell, Route
from declared import ANSWERS, BEYOND, BODIES, OPERATORS, THINGS_AT, Place


def wrong(cell, answer):
    if cell.statuses is None:
        return answer.status in {401, 403, 404} or answer.status >= 500
    return answer.status not in cell.statuses or (cell.codes and answer.code not in cell.codes)


def test_what_every_parameter_of_a_path_names_is_declared(routes):
    undeclared = []
    for route in routes:
        try:
            assert route.thing is None or route.permission or not route.thing.column, route.name
        except LookupError as fault:
            undeclared.append(str(fault))
    assert undeclared == []


def test_what_is_declared_is_there(routes):
    names, heads = {route.name for route in routes}, {route.path.partition("}")[0] + "}" for route in routes}
    assert ({*ANSWERS, *BEYOND, *BODIES, *OPERATORS} - names, {*THINGS_AT} - heads) == (set(), set())


def test_a_route_that_takes_a_body_for_a_thing_has_one_to_send(routes):
    bare = [
        f"{route.name}: say in BODIES of tests/contracts/matrix/declared.py what to send it"
        for route in routes
        if route.parameters and route.takes_body and route.name not in BODIES
    ]
    assert bare == []


async def test_every_cell_is_answered_as_the_roles_and_the_things_say(answers):
    faults = [f"{cell}: {answer.status} {answer.code}" for cell, answer in answers.items() if wrong(cell, answer)]
    assert faults == []
    assert len(answers) >= 2000, len(answers)


async def test_what_is_not_seen_is_answered_as_what_is_not_there(answers):
    """No status, word, header or tag tells that another's thing exists (case 49)."""
    groups: dict[object, dict[object, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell, answer in answers.items():
        if cell.statuses == HIDDEN and cell.place not in UNNUMBERED:
            groups[cell.route][answer].append(cell)
    told = [[str(cells[0]) for cells in group.values()] for group in groups.values() if len(group) > 1]
    assert told == []
    assert len(groups) >= 15


async def test_a_refusal_depends_on_nothing_that_is_stored(answers):
    """Who lacks the token or the permission gets one answer, whatever is asked for."""
    groups: dict[object, set[object]] = defaultdict(set)
    for cell, answer in answers.items():
        if cell.statuses == UNKNOWN or "forbidden" in cell.codes:
            groups[cell.route, cell.who if cell.who in STRANGERS else "no permission"].add(answer)
    assert {str(key): found for key, found in groups.items() if len(found) > 1} == {}


async def test_a_party_that_shares_in_a_thing_is_seen_to_be_let_in(answers):
    """A matrix of refusals alone would pass on a system that does nothing."""
    seen = {(cell.route.path, cell.place) for cell, answer in answers.items() if answer.status == 200}
    for path in ("/api/v1/claims/{claim_id}", "/api/v1/claims/{claim_id}/adjudication"):
        assert {Place.OWN, Place.COLLEAGUE, Place.COUNTERPART} <= {place for where, place in seen if where == path}


def test_a_parameter_that_nobody_has_declared_is_told_with_what_to_add():
    with pytest.raises(LookupError, match=r"GET /api/v1/secrets/\{secret_id\}: say in tests/contracts/matrix"):
        _ = Route("GET", "/api/v1/secrets/{secret_id}", "secret:read", 200, takes_body=False).thing
    with pytest.raises(LookupError):  # the second one could be a child of another parent (case 44)
        _ = Route("GET", "/api/v1/claims/{claim_id}/lines/{line}", "claim:read", 200, takes_body=False).thing
