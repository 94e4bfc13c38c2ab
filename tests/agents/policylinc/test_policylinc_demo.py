from datetime import UTC, date, datetime

import pytest

from authlinc.contract import DEMO_PAYERS, FindOrganization, OrganizationInfo
from authlinc.demo import demo as demo_organizations
from masterlinc.agent import DemoPlan
from masterlinc.context import Context
from masterlinc.demo.population import people
from masterlinc.security import service_principal
from masterlinc.testing import FixedClock, RunApp, Running
from policylinc.contract import CoverStatus, EnrolMember, FindCover, FoundCover, LoadTerms, Terms
from policylinc.demo import demo

PEOPLE = people(1447, 30)


@pytest.fixture
async def loaded(run_app: RunApp) -> Running:
    others = ("claimlinc", "doctorlinc", "nphieslinc", "sbslinc")
    clock = FixedClock(datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
    return await run_app(clock=clock, **{name: {"enabled": False} for name in others})


def context(running: Running, agent: str) -> Context:
    return Context(agent, running.services, service_principal(agent, frozenset()), trace_id="demo")


async def test_the_demo_insures_everybody_once(loaded: Running) -> None:
    told: list[str] = []
    plan = DemoPlan(1447, "demo-password-long", PEOPLE, 0, told.append)
    await demo_organizations(context(loaded, "authlinc"), plan)
    ctx = context(loaded, "policylinc")
    await demo(ctx, plan)
    await demo(ctx, plan)
    assert told[-1] == "3 payers, 30 members"
    for person in PEOPLE:
        license_ = DEMO_PAYERS[person.payer]
        found = await ctx.call(
            FindCover(date(2026, 3, 1), payer_license=license_, member_number=person.member_number), FoundCover
        )
        assert (found.policy_number, found.policy_class) == (person.policy_number, person.policy_class)
        assert found.status is CoverStatus.ACTIVE


async def test_the_demo_can_enrol_and_price_the_oldest_samples(loaded: Running) -> None:
    plan = DemoPlan(1447, "demo-password-long", PEOPLE, 0, lambda _: None)
    await demo_organizations(context(loaded, "authlinc"), plan)
    ctx = context(loaded, "policylinc")
    await demo(ctx, plan)
    payer = (await ctx.call(FindOrganization(DEMO_PAYERS[0]), OrganizationInfo)).organization_id
    assert payer is not None
    day = date(2021, 8, 30)
    unknown = EnrolMember(payer, "Sara Khan", date(1974, 3, 13), "female", "0000000003", (), day, "ABC123", True)
    enrolled = await ctx.call(unknown, FoundCover)
    assert enrolled.member_id is not None
    terms = await ctx.call(LoadTerms(payer, enrolled.member_id, day), Terms)
    assert (terms.product, terms.policy_class, terms.contract) == ("CHI_STANDARD", "C", "OPEN")
    assert {"inpatient", "outpatient", "pharmacy", "dental", "optical", "maternity"} <= {
        term.benefit for term in terms.benefits if term.covered
    }
