"""Claims of one member at once, on a real database: the second sees what the first one got."""

import asyncio
from collections import Counter

import pytest
from claim_builders import line
from edit_builders import coded
from test_claim_service import claim, decide

ROUNDS = range(200)


@pytest.mark.parametrize("round_", ROUNDS)
async def test_of_two_duplicates_at_once_exactly_one_is_paid(parties, round_):
    """Two claims of 200.00 for the same tooth and day at once: one pays 170.00 after 15 % co-pay, one is AD-2-4."""
    made = [claim(parties, line("200", body_site="11")) for _ in range(2)]
    decided = await asyncio.gather(*(decide(parties, one) for one in made))
    lines = [one.decision.lines[0] for one in decided]
    assert sorted((str(one.payer_share), one.denial_code or "") for one in lines) == [
        ("0.00", "AD-2-4"),
        ("170.00", ""),
    ]


@pytest.mark.parametrize("round_", ROUNDS)
async def test_of_many_periodic_examinations_at_once_one_is_paid(parties, round_):
    """Ten examinations at ten teeth, which are no duplicates: one in six months is paid."""
    made = [claim(parties, coded("97012-00-00", body_site=str(site))) for site in range(11, 21)]
    decided = await asyncio.gather(*(decide(parties, one) for one in made))
    assert Counter(one.decision.lines[0].denial_code for one in decided) == {None: 1, "CV-3-2": 9}
