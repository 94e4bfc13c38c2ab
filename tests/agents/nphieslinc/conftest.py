import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest_asyncio
from nphies_messages import fresh

from authlinc.contract import OrganizationKind
from authlinc.service.directory import License, NewOrganization, create_organization
from masterlinc.context import Context
from masterlinc.identity import PAYER_LICENSE, PROVIDER_LICENSE
from masterlinc.ids import new_id
from masterlinc.security.principal import Principal, service_principal
from masterlinc.settings import Settings
from masterlinc.testing import MakePrincipal, RunApp, Running, bearer, client_of
from policylinc import service as policies
from policylinc.drafts import BenefitDraft, ClassDraft, ContractDraft, ProductDraft

DEFAULT_PAYER = "P-DEFAULT"
LENIENT = {"strictness": "envelope", "simulator": {"auto_enrol": True, "default_payer": DEFAULT_PAYER}}
BENEFITS = ("inpatient", "outpatient", "pharmacy", "dental", "optical", "maternity")


@dataclass(frozen=True)
class World:
    """A provider with a billing clerk, and a payer of its own, on a running system."""

    running: Running
    http: httpx.AsyncClient
    clerk: Principal
    provider_license: str
    payer_license: str

    @property
    def ctx(self) -> Context:
        """What a step of the provider's workflows is given."""
        principal = service_principal("nphieslinc", frozenset({self.clerk.organization_id}))
        return self.running.context("nphieslinc", principal)

    def message(self, name: str = "claim-request_professional", **values: str) -> bytes:
        """A new message of this provider to this payer."""
        ends = {"10000000000011": self.provider_license, "7000000011": self.payer_license}
        return fresh(name, **(ends | values))

    async def post(self, data: bytes, kind: str = "application/fhir+json") -> httpx.Response:
        headers = bearer(self.running, self.clerk) | {"content-type": kind}
        return await self.http.post("/api/v1/nphies/messages", content=data, headers=headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(f"/api/v1{path}", headers=bearer(self.running, self.clerk))

    async def decided(self, data: bytes) -> dict[str, Any]:
        """Submit a message, let its workflow run, return the adjudication."""
        taken = await self.post(data)
        assert taken.status_code in {200, 201}, taken.text
        path = f"/claims/{taken.json()['claims'][0]['claim_id']}/adjudication"
        async with asyncio.timeout(20):
            while (found := (await self.get(path)).json())["status"] == "pending" and not await self._parked():
                await self.running.dispatcher.idle()
        return found

    async def _parked(self) -> bool:
        async with self.ctx.transaction() as tx:
            query = "SELECT count(*) FROM masterlinc.workflow WHERE status = 'parked' AND organization_id = $1"
            return bool(await tx.fetchval(query, self.clerk.organization_id))


async def organization(running: Running, kind: OrganizationKind, license_: str) -> Any:
    ctx = running.context("authlinc", service_principal("tests", frozenset()))
    system = PAYER_LICENSE if kind is OrganizationKind.PAYER else PROVIDER_LICENSE
    new = NewOrganization(kind, "Sahl Insurance", "سهل للتأمين", (License(system, license_),))
    return (await create_organization(ctx, new)).organization_id


async def payer(running: Running, make_principal: MakePrincipal, license_: str) -> None:
    """A payer whose product has classes C and VIP, and who pays what is billed."""
    key = await organization(running, OrganizationKind.PAYER, license_)
    keeper = running.context("policylinc", make_principal("payer_admin", organization=key))
    benefits = tuple(BenefitDraft(benefit=name, copay_percent=Decimal(20), copay_cap=Decimal(75)) for name in BENEFITS)
    classes = tuple(
        ClassDraft(policy_class=name, annual_limit=Decimal(500_000), network=name, benefits=benefits)
        for name in ("C", "VIP")
    )
    product = ProductDraft(
        code="STD",
        name="Standard",
        name_ar="الأساسية",
        policy_type="CHI_STANDARD",
        effective_from=date(2015, 1, 1),
        classes=classes,
    )
    await policies.create_product(keeper, key, product)
    contract = ContractDraft(code="ALL", percent_of_billed=Decimal(100), effective_from=date(2015, 1, 1))
    await policies.create_contract(keeper, key, contract)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lenient(run_app: RunApp, make_principal: MakePrincipal) -> Running:
    """A system whose simulator is as in the demo."""
    running = await run_app(nphieslinc=LENIENT)
    await payer(running, make_principal, DEFAULT_PAYER)
    return running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def still(run_app: RunApp, make_principal: MakePrincipal) -> Running:
    """The same system with an engine that takes nothing: a test runs the steps itself."""

    def configure(settings: Settings) -> None:
        settings.engine.concurrency = 0

    running = await run_app(configure=configure, nphieslinc=LENIENT)
    await payer(running, make_principal, DEFAULT_PAYER)
    return running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strict(run_app: RunApp) -> Running:
    """A system that refuses what NPHIES would refuse, and enrols nobody."""
    return await run_app(nphieslinc={"strictness": "full"})


async def world_of(running: Running, make_principal: MakePrincipal) -> AsyncIterator[World]:
    provider_license, payer_license = f"T-{new_id().hex[-12:]}", f"P-{new_id().hex[-12:]}"
    home = await organization(running, OrganizationKind.PROVIDER, provider_license)
    await payer(running, make_principal, payer_license)
    async with client_of(running) as http:
        yield World(running, http, make_principal("billing", organization=home), provider_license, payer_license)


@pytest_asyncio.fixture(loop_scope="session")
async def world(lenient: Running, make_principal: MakePrincipal) -> AsyncIterator[World]:
    async for one in world_of(lenient, make_principal):
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def still_world(still: Running, make_principal: MakePrincipal) -> AsyncIterator[World]:
    async for one in world_of(still, make_principal):
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def strict_world(strict: Running, make_principal: MakePrincipal) -> AsyncIterator[World]:
    async for one in world_of(strict, make_principal):
        yield one


async def stages(world: World, claim_id: str) -> list[tuple[str, str, str | None]]:
    """The stages of a claim's workflow with their faults."""
    from masterlinc import ids

    key = str(ids.parse("CLM", claim_id))
    async with world.ctx.transaction() as tx:
        rows = await tx.fetch(
            "SELECT s.name, s.status, s.error FROM masterlinc.workflow w"
            " JOIN masterlinc.workflow_step s ON s.workflow_id = w.id WHERE w.business_key = $1 ORDER BY s.position",
            key,
        )
    return [(row["name"], row["status"], row["error"]) for row in rows]
