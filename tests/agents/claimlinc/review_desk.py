"""A payer's desk: its people, its cases, and what is in the ledger."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from claim_builders import NATIONAL_ID_OF_SARA, SERVICES, submission
from claim_parties import Parties

from authlinc.service.users import NewUser, create_user
from claimlinc import review_terms_queries
from claimlinc.contract import (
    ClaimSubmission,
    ClaimType,
    Cover,
    DecidedSubmission,
    DecideSubmission,
    Identifier,
    Line,
    Subject,
)
from claimlinc.review_schemas import AssigneeForm, ReviewDetail, RulingForm, RulingsForm
from claimlinc.service import cases, judging, reviewing
from claimlinc.service.cases import Case
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.etags import etag
from masterlinc.identity import NATIONAL_ID
from masterlinc.ids import new_id, show
from masterlinc.security.principal import service_principal
from masterlinc.testing import MakePrincipal, Running
from policylinc import service as policies
from policylinc.drafts import ContractDraft, PriceDraft

_WORDS = {"reason": "Priced like its neighbour.", "reason_ar": "سُعّر مثل نظيره."}


def approve(sequence: int, **more: Any) -> RulingForm:
    return RulingForm(sequence, "approve", **more)


def partial(sequence: int, **more: Any) -> RulingForm:
    return RulingForm(sequence, "partial", **({"denial_code": "BE-1-3"} | _WORDS | more))


def reject(sequence: int, **more: Any) -> RulingForm:
    return RulingForm(sequence, "reject", **({"denial_code": "MN-1-1"} | _WORDS | more))


@dataclass(frozen=True)
class Desk:
    """The people of a payer, and a stranger of another one."""

    running: Running
    parties: Parties
    reviewer: Context
    senior: Context
    admin: Context
    stranger: Context

    @property
    def today(self) -> date:
        return today(self.reviewer.clock)

    async def account(self, role: str) -> str:
        """Make a user of the payer, and return their number."""
        ctx = self.running.context("authlinc", service_principal("authlinc", frozenset({self.parties.payer_id})))
        email = f"{new_id().hex[-12:]}@payer.test"
        new = NewUser(self.parties.payer_id, email, "one pass phrase for the desk", "Nora", "نورة", (role,))
        return show("USR", await create_user(ctx, new))

    async def idle(self) -> None:
        """Let events and workflows come to their end."""
        await self.running.dispatcher.idle()

    def claim(self, *lines: Line, **more: Any) -> ClaimSubmission:
        values: dict[str, Any] = {
            "identifier": Identifier("http://clinic.test/claim", f"req_{new_id().hex}"),
            "provider_license": self.parties.provider_license,
            "payer_license": self.parties.payer_license,
            "cover": Cover(member_id=self.parties.member_number, policy_number=self.parties.policy_number),
            "subject": Subject(name="Sara", identifiers=(Identifier(NATIONAL_ID, NATIONAL_ID_OF_SARA),)),
            "claim_type": ClaimType.ORAL,
        }
        return submission(*lines, **(values | more))

    async def decided(self, *lines: Line, claim: ClaimSubmission | None = None) -> DecidedSubmission:
        """Let the payer's rules decide a claim."""
        made = claim or self.claim(*lines)
        request = DecideSubmission(self.parties.payer_id, self.parties.provider_id, made)
        return await self.reviewer.acting_for(self.parties.payer_id).call(request, DecidedSubmission)

    async def pended(self, *lines: Line, claim: ClaimSubmission | None = None) -> Case:
        """Let the rules pend a claim, and return its case."""
        decided = await self.decided(*lines, claim=claim)
        case = await self.of(decided.decision_id)
        assert case is not None
        return case

    async def of(self, decision_id: UUID) -> Case | None:
        async with self.reviewer.transaction() as tx:
            return await cases.of_decision(tx, self.parties.payer_id, decision_id)

    async def case(self, case: Case) -> Case:
        async with self.reviewer.transaction() as tx:
            return await cases.load(self.reviewer, tx, case.reference)

    async def tag(self, case: Case) -> str:
        return etag(cases.version(await self.case(case)))

    async def show(self, case: Case) -> ReviewDetail:
        return (await reviewing.show_case(self.reviewer, case.reference))[0]

    async def listed(self, show: str) -> list[str]:
        return [one.review_id for one in (await reviewing.list_cases(self.reviewer, show, limit=100, offset=0))[0]]

    async def take(self, case: Case) -> None:
        await reviewing.assign(self.reviewer, case.reference, AssigneeForm("me"), await self.tag(case))

    async def decide(self, case: Case, *rulings: RulingForm, why: Any = None) -> Case:
        form = RulingsForm(rulings, why)
        return await judging.decide_case(self.reviewer, case.reference, form, await self.tag(case))

    async def alone_up_to(self, amount: int) -> None:
        """Have terms of review of the payer that hold already."""
        row = (self.parties.payer_id, date(2020, 1, 1), Decimal(amount), 60, 72, new_id(), self.reviewer.clock.now())
        async with self.admin.transaction() as tx:
            assert await review_terms_queries.add_terms(tx, row)

    async def without_a_price(self) -> None:
        """Have a contract with the provider that pays agreed prices alone."""
        draft = ContractDraft(
            code="C0",
            percent_of_billed=Decimal(0),
            effective_from=date(2020, 1, 1),
            provider=self.parties.provider_license,
        )
        await policies.create_contract(self._keeper, self.parties.payer_id, draft)

    async def with_a_price(self, amount: str) -> None:
        """Agree a price of the usual service in that contract."""
        draft = PriceDraft(
            contract="C0",
            system=SERVICES,
            code="83600-00-10",
            amount=Decimal(amount),
            effective_from=date(2020, 1, 1),
        )
        await policies.set_price(self._keeper, self.parties.payer_id, draft)

    @property
    def _keeper(self) -> Context:
        return self.admin.for_agent("policylinc")

    async def used(self) -> Decimal:
        """What the ledger says the member used, by its entries and by its balances: they never differ."""
        async with self.reviewer.transaction() as tx:
            entries = await tx.fetchval(
                "SELECT coalesce(sum(amount), 0) FROM policylinc.benefit_entry WHERE member_id = $1",
                self.parties.member_id,
            )
            balances = await tx.fetchval(
                "SELECT coalesce(sum(used), 0) FROM policylinc.balance WHERE member_id = $1", self.parties.member_id
            )
            decided = await tx.fetchval(
                "SELECT coalesce(sum(payer_share - payer_tax), 0) FROM (SELECT DISTINCT ON (identifier_value) *"
                " FROM claimlinc.decision WHERE member_id = $1 AND use = 'claim'"
                " ORDER BY identifier_value, number DESC) AS last WHERE outcome <> 'pended'",
                self.parties.member_id,
            )
        assert entries == balances == decided
        return Decimal(entries)


def open_desk(running: Running, parties: Parties, make_principal: MakePrincipal) -> Desk:
    def person(*roles: str, organization: UUID) -> Context:
        return running.context("claimlinc", make_principal(*roles, organization=organization))

    payer = parties.payer_id
    return Desk(
        running,
        parties,
        person("adjudicator", organization=payer),
        person("senior_adjudicator", organization=payer),
        person("payer_admin", organization=payer),
        person("senior_adjudicator", organization=new_id()),
    )
