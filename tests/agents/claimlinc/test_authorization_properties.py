"""Whatever happens to an authorization: its lines are the sum of its entries, and no more is used than is granted."""

from decimal import Decimal

from authorization_builders import decide, granted, payer, request, shown
from claim_builders import line
from claim_parties import make_parties
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claimlinc.contract import RelatedClaim, Use
from claimlinc.errors import AuthorizationStateRefused
from claimlinc.service import authorizing, releasing

_OPERATIONS = st.one_of(
    st.tuples(st.just("use"), st.integers(1, 4)),
    st.tuples(st.just("take back"), st.integers(0, 5)),
    st.tuples(st.just("extend"), st.integers(1, 3)),
    st.tuples(st.just("cancel"), st.just(0)),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(_OPERATIONS, max_size=10))
async def test_the_ledger_holds_whatever_happens(running, make_principal, operations):
    parties = await make_parties(running, make_principal, dental_is_asked_for=True)
    made, given_ = await granted(parties, line("10", quantity="3"))
    world = World(parties, made, given_.decision.preauth_ref, [given_.decision_id])
    for name, number in operations:
        await world.do(name, number)
        head, lines = await shown(parties, world.reference)  # checks the sums of the entries
        granted_, used, allowed, spent = lines[1]
        assert 0 <= used <= granted_
        assert 0 <= spent <= allowed
        assert head["status"] == world.expected(granted_ - used)
        assert used == sum(world.used.values(), Decimal(0))


class World:
    """An authorization, the decisions that stand, and what each of them uses."""

    def __init__(self, parties, made, reference, grants):
        self.parties, self.made, self.reference, self.grants = parties, made, reference, grants
        self.used, self.cancelled, self.teeth = {}, False, 10

    async def do(self, name, number):
        await getattr(self, name.replace(" ", "_"))(number)

    async def use(self, number):
        self.teeth += 1  # each claim is about another tooth, so that none is taken for a duplicate
        billed = line("10", quantity=str(number), body_site=str(self.teeth))
        claim = request(self.parties, billed, use=Use.CLAIM, preauth_refs=(self.reference,))
        decided = await decide(self.parties, claim)
        (one,) = decided.decision.lines
        assert one.denial_code in {None, "BE-1-4", "BE-1-5"}, one.reason
        if one.authorization is not None:
            self.used[decided.decision_id] = Decimal(one.approved_quantity)

    async def take_back(self, number):
        standing = [*self.used, *self.grants]
        if not standing:
            return
        decision_id = standing[number % len(standing)]
        async with payer(self.parties).transaction() as tx:
            await authorizing.take_back(payer(self.parties), tx, self.parties.payer_id, decision_id)
        self.used.pop(decision_id, None)
        self.grants = [one for one in self.grants if one != decision_id]

    async def extend(self, number):
        more = request(
            self.parties,
            line("10", quantity=str(number)),
            related=(RelatedClaim(self.made.identifier, "extend"),),
            preauth_refs=(self.reference,),
        )
        decided = await decide(self.parties, more)
        if decided.decision.preauth_ref == self.reference:
            self.grants.append(decided.decision_id)

    async def cancel(self, _):
        head, _ = await shown(self.parties, self.reference)
        try:
            await releasing.cancel(self.parties.provider, self.reference)
            self.cancelled = True
        except AuthorizationStateRefused:
            assert head["status"] in {"used_up", "cancelled", "withdrawn"}

    def expected(self, left):
        if self.cancelled:
            return "cancelled"
        if not self.grants:
            return "withdrawn"
        return "active" if left else "used_up"
