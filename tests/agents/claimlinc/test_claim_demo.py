"""The demo's claims end in every state."""

from masterlinc.agent import DemoPlan
from masterlinc.context import Context
from masterlinc.demo.population import people
from masterlinc.security.principal import service_principal

LENIENT = {"strictness": "envelope", "simulator": {"auto_enrol": True, "default_payer": "N-I-00001"}}


async def test_the_demo_has_claims_in_every_state(run_app):
    demo = await run_app(nphieslinc=LENIENT)
    told = []
    plan = DemoPlan(seed=1447, password="a password of the demo", people=people(1447, 40), claims=200, tell=told.append)
    for _ in range(2):  # the second time finds all of it
        for agent in demo.services.registry.agents:
            if agent.demo is not None:
                principal = service_principal(agent.name, frozenset())
                await agent.demo(Context(agent.name, demo.services, principal, trace_id="demo"), plan)
    assert "200 of 200 claims" in told
    await demo.dispatcher.idle()
    states = {}
    async with demo.services.db.connection() as connection:
        providers = await connection.fetch("SELECT id FROM authlinc.organization WHERE kind = 'provider'")
    async with demo.services.db.transaction(frozenset(row["id"] for row in providers)) as tx:
        for row in await tx.fetch("SELECT status, count(*) AS claims FROM claimlinc.claim GROUP BY status"):
            states[row["status"]] = row["claims"]
    assert sum(states.values()) == 200
    # every state that lasts: a claim is pending only while its workflow runs
    assert set(states) == {"approved", "partial", "rejected", "pended", "error"}, states
