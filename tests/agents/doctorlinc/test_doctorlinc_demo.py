import re

import pytest

from authlinc.agent import agent as authlinc
from authlinc.contract import DEMO_PROVIDERS, FindOrganization, OrganizationInfo
from doctorlinc.contract import FindPatient, FoundPatient
from doctorlinc.demo import demo
from masterlinc.agent import DemoPlan
from masterlinc.context import Context
from masterlinc.demo.population import people
from masterlinc.identity import check_saudi_id
from masterlinc.security.principal import service_principal


@pytest.fixture
def loading(running):
    """A context as the demo loader gives it to an agent."""

    def make(agent):
        return Context(agent, running.services, service_principal(agent, frozenset()), trace_id="demo")

    return make


async def test_demo_data_is_made_by_the_services_and_only_once(loading):
    said = []
    plan = DemoPlan(seed=7, password="demo-password-long", people=people(7, 20), claims=0, tell=said.append)
    await authlinc.demo(loading("authlinc"), plan)
    await demo(loading("doctorlinc"), plan)
    await demo(loading("doctorlinc"), plan)
    first, second = (line for line in said if "appointments" in line)
    assert re.fullmatch(r"20 patients, 8 practitioners, [1-9]\d+ appointments", first)
    assert second == "20 patients, 8 practitioners, 0 appointments"
    assert all(check_saudi_id(person.identifier) for person in plan.people)
    async with loading("doctorlinc").transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM doctorlinc.patient") == 0  # no organization, no row


async def test_a_demo_patient_is_registered_with_the_insurance_that_they_have(loading):
    plan = DemoPlan(seed=7, password="demo-password-long", people=people(7, 20), claims=0, tell=lambda _: None)
    await authlinc.demo(loading("authlinc"), plan)
    await demo(loading("doctorlinc"), plan)
    hospital = await loading("doctorlinc").call(FindOrganization(DEMO_PROVIDERS[0]), OrganizationInfo)
    ctx, person = loading("doctorlinc").acting_for(hospital.organization_id), plan.people[0]
    found = await ctx.call(FindPatient(person.record_number), FoundPatient)
    assert (found.policy_number, found.member_number) == (person.policy_number, person.member_number)
