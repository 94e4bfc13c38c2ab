"""Claims for newborns on their mother's cover."""

from datetime import timedelta
from decimal import Decimal

from claim_builders import DAY, line
from claim_deciding import claim, decide

from claimlinc.contract import Outcome, Subject

CHILD = Subject(name="A newborn", birth_date=DAY - timedelta(days=88), gender="male")


async def test_a_newborn_s_claim_is_decided_on_the_mother_s_cover_for_ninety_days(parties):
    """Services of day 88 and of day 91: the first is covered, the second comes after the newborn's cover has ended."""
    lines = (line(), line(sequence=2, service_date=DAY + timedelta(days=3)))
    made = claim(parties, *lines, subject=CHILD)
    decided = (await decide(parties, made)).decision
    assert [one.outcome for one in decided.lines] == [Outcome.APPROVED, Outcome.REJECTED]
    assert decided.lines[1].denial_code == "CV-2-1"
    async with parties.payer.transaction() as tx:
        used = await tx.fetchval("SELECT sum(used) FROM policylinc.balance WHERE member_id = $1", parties.member_id)
    assert used == decided.totals.payer_share > Decimal(0)


async def test_an_older_child_has_no_cover_by_its_mother_s_number(parties):
    made = claim(parties, line(), subject=Subject(name="A child", birth_date=DAY - timedelta(days=91)))
    decided = (await decide(parties, made)).decision
    assert decided.outcome is Outcome.REJECTED
    assert decided.lines[0].denial_code == "CV-2-1"
