"""A running system with two providers, two payers and an operator, and a user of every role in each of them."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from authlinc.contract import DEMO_PAYERS, DEMO_PROVIDERS, FindOrganization, OrganizationInfo
from authlinc.service.users import NewUser, create_user
from masterlinc.agent import DemoPlan
from masterlinc.audit.sealer import seal_all
from masterlinc.context import Context
from masterlinc.demo.population import people
from masterlinc.ids import new_id
from masterlinc.security.principal import Principal, service_principal
from masterlinc.security.tokens import Realm, Subject, issue
from masterlinc.testing import MakePrincipal, Running

CLERK = "clerk"  # makes things that many ask for
_SEED, _PEOPLE = 1447, 3
_PASSWORD = "one pass phrase for every user"
_OPERATOR = "OPERATOR-DEMO"
_PARTS = ("authlinc", "policylinc")  # the demo's organizations and policies; the rest is made where it is asked for


@dataclass
class Peopled:
    """Organizations, users and the principals that they act as."""

    running: Running
    make_principal: MakePrincipal
    root: asyncpg.Connection  # the superuser, who may take rows away
    providers: tuple[UUID, UUID]
    payers: tuple[UUID, UUID]
    payer_licenses: tuple[str, str]
    operator: UUID
    users: dict[tuple[UUID, str], UUID] = field(default_factory=dict)

    def principal(self, home: UUID, role: str) -> Principal:
        """The user of a role in an organization."""
        return replace(self.make_principal(role, organization=home), user_id=self.user(home, role))

    def maker(self, home: UUID, role: str) -> Principal:
        """The same user with every right of a provider and of a payer, to make what is theirs."""
        everything = self.make_principal("admin", "billing", "payer_admin", organization=home)
        return replace(everything, user_id=self.user(home, role))

    def user(self, home: UUID, role: str) -> UUID:
        """The number of a role's user in an organization."""
        return self.users.setdefault((home, role), new_id())

    def context(self, agent: str, principal: Principal) -> Context:
        """What a service of an agent is handed."""
        return self.running.context(agent, principal)

    def token(self, home: UUID, role: str | None, *, session: UUID | None = None, ago: float = 0) -> str:
        """A token of its own for one request, so that whoever signs out ends nobody else's session."""
        security = self.running.services.settings.security
        now: datetime = self.running.services.clock.now() - timedelta(seconds=ago)
        roles = (role,) if role else ()
        subject = Subject(self.user(home, role or ""), home, session or new_id(), roles)
        realm = Realm(security.issuer, security.audience)
        return issue(self.running.signing_key, realm, subject, now=now, life=timedelta(minutes=10))

    async def erase(self, column: str, key: Any) -> None:
        """Take a row away, as no part of the product does."""
        table, _, name = column.rpartition(".")
        await self.root.execute(f"DELETE FROM {table} WHERE {name} = $1", key)


async def populate(running: Running, make_principal: MakePrincipal, root: asyncpg.Connection, *roles: str) -> Peopled:
    """Make the organizations with the demo's own code, and users of these roles in the first provider."""
    plan = DemoPlan(_SEED, _PASSWORD, people(_SEED, _PEOPLE), 0, lambda _: None)
    for agent in running.services.registry.agents:
        if agent.name in _PARTS:
            assert agent.demo is not None
            await agent.demo(running.context(agent.name, service_principal(agent.name, frozenset())), plan)
    await root.execute("SET session_replication_role = replica")  # a row goes alone, whatever points to it
    found = [await _key(running, one) for one in (*DEMO_PROVIDERS[:2], *DEMO_PAYERS[:2], _OPERATOR)]
    homes = (found[0], found[1]), (found[2], found[3])
    peopled = Peopled(running, make_principal, root, *homes, DEMO_PAYERS[:2], found[4])
    ctx = running.context("authlinc", service_principal("authlinc", frozenset()))
    rbac = ctx.services.verifier.rbac
    for role in (*roles, CLERK):
        held = role if role in rbac.roles and rbac.roles[role].assignable else "nurse"  # their tokens say otherwise
        new = NewUser(found[0], f"{role}@matrix.example", _PASSWORD, "Nora", "نورة", (held,))
        peopled.users[found[0], role] = await create_user(ctx, new)
    await seal_all(running.services)  # there is a checkpoint to ask for
    return peopled


async def _key(running: Running, license_: str) -> UUID:
    ctx = running.context("claimlinc", service_principal("claimlinc", frozenset()))
    found = await ctx.call(FindOrganization(license_), OrganizationInfo)
    assert found.organization_id is not None
    return found.organization_id
