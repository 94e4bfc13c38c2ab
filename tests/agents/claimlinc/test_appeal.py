"""Between provider and payer: questions, appeals and what is decided again, over HTTP and through the events."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio
from claim_builders import line
from claim_parties import make_parties
from review_desk import open_desk

from claimlinc.contract import RecordClaim, RecordedClaim
from claimlinc.errors import ClaimStateRefused
from claimlinc.service import cases, telling
from claimlinc.service.states import Event
from masterlinc import ids
from masterlinc.ids import new_id
from masterlinc.testing import bearer, client_of

REASONS = {"reason": "Looked at again.", "reason_ar": "أعيد النظر فيه."}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def exchange(run_app):
    """An application whose simulated hub refuses only broken envelopes."""
    return await run_app(nphieslinc={"strictness": "envelope"})


@pytest_asyncio.fixture(loop_scope="session")
async def parties(exchange, make_principal):
    return await make_parties(exchange, make_principal)


@pytest_asyncio.fixture(loop_scope="session")
async def client(exchange):
    async with client_of(exchange) as http:
        yield http


class Table:
    """Both sides of a claim, over HTTP."""

    def __init__(self, exchange, client, desk):
        self.exchange, self.client, self.desk = exchange, client, desk

    def headers(self, who, **more):
        return bearer(self.exchange, who.principal) | {name.replace("_", "-"): value for name, value in more.items()}

    async def get(self, who, path):
        answer = await self.client.get(f"/api/v1{path}", headers=self.headers(who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, who, path, body, status=200, **headers):
        answer = await self.client.post(f"/api/v1{path}", json=body, headers=self.headers(who, **headers))
        assert answer.status_code == status, answer.text
        return answer.json()

    async def submitted(self, *lines):
        made = self.desk.claim(*lines)
        recorded = await self.desk.parties.provider.call(RecordClaim(made), RecordedClaim)
        await self.until(recorded.claim_id, lambda status: status != "pending")
        return recorded.claim_id

    async def until(self, claim_id, wanted):
        async with asyncio.timeout(20):
            while True:
                await self.exchange.dispatcher.idle()
                status = (await self.get(self.desk.parties.provider, f"/claims/{claim_id}"))["status"]
                if wanted(status):
                    return status

    async def review_of(self, claim_id):
        listed = (await self.get(self.desk.reviewer, "/reviews"))["reviews"]
        shown = [await self.get(self.desk.reviewer, f"/reviews/{one['review_id']}") for one in listed]
        (found,) = [one for one in shown if one["claim_id"] == claim_id]
        return found

    async def decide(self, who, review, lines, status=200, **more):
        path = f"/reviews/{review['review_id']}"
        tag = (await self.client.get(f"/api/v1{path}", headers=self.headers(who))).headers["etag"]
        return await self.post(who, f"{path}/decision", {"lines": lines} | more, status, If_Match=tag)


@pytest.fixture
def table(exchange, client, parties, make_principal):
    return Table(exchange, client, open_desk(exchange, parties, make_principal))


async def test_the_payer_asks_the_provider_answers_and_the_claim_is_decided(table):
    """Quantity 0 at 100: the provider says 2; 200 allowed, 15 % co-pay: the payer 170."""
    provider, reviewer = table.desk.parties.provider, table.desk.reviewer
    claim_id = await table.submitted(line("100", quantity="0"))
    assert (await table.get(provider, f"/claims/{claim_id}"))["status"] == "pended"
    review = await table.review_of(claim_id)
    path = f"/reviews/{review['review_id']}"
    await table.post(reviewer, f"{path}/questions", {"text": "How many were done?"}, If_Match="*")
    assert await table.until(claim_id, lambda status: status != "pended") == "information_requested"
    told = await table.get(provider, f"/claims/{claim_id}/review")
    assert [(one["event"], one["said"]) for one in told["steps"]] == [("ask", "How many were done?")]
    await table.post(provider, f"/claims/{claim_id}/information", {"text": "Two."}, 201)
    assert (await table.get(provider, f"/claims/{claim_id}"))["status"] == "pended"
    shown = await table.get(reviewer, path)
    assert (shown["status"], shown["history"][-1]["said"], shown["history"][-1]["actor"]) == ("pended", "Two.", None)
    await table.decide(reviewer, shown, [{"sequence": 1, "decision": "approve", "quantity": 2}])
    assert await table.until(claim_id, lambda status: status != "pended") == "approved"
    seen = await table.get(provider, f"/claims/{claim_id}/adjudication")
    (one,) = seen["lines"]
    assert (one["allowed"], one["payer_share"], one["approved_quantity"]) == (200, 170, 2)
    steps = [step for step in one["trace"] if step["rule"] == "review"]
    assert steps[0]["text"].startswith("A reviewer of the payer approved")
    assert "inputs" not in steps[0]
    assert await table.desk.used() == Decimal(170)


async def test_an_appeal_is_decided_again_and_never_counted_twice(table):
    """Of 3000 the limit lets the payer pay 2000; an appeal is turned down, a second one is granted: 2550."""
    provider, desk = table.desk.parties.provider, table.desk
    claim_id = await table.submitted(line("3000"))
    assert await desk.used() == Decimal(2000)
    first = (await table.get(provider, f"/claims/{claim_id}/adjudication"))["decided_at"]
    told = await table.get(provider, f"/claims/{claim_id}/review")
    assert date.fromisoformat(told["last_appeal_day"]) == desk.today + timedelta(days=60)
    told = await table.post(provider, f"/claims/{claim_id}/appeals", {"reason": "It was an emergency."}, 201)
    assert told["status"] == "appealed"
    review = await table.review_of(claim_id)
    assert (review["cause"], review["status"], review["decision_number"]) == ("appeal", "appealed", 1)
    rejected = {"sequence": 1, "decision": "reject", "denial_code": "MN-1-1"} | REASONS
    await table.decide(desk.reviewer, review, [rejected])
    assert await table.until(claim_id, lambda status: status != "appealed") == "rejected"
    assert await desk.used() == 0
    await table.post(provider, f"/claims/{claim_id}/appeals", {"reason": "Look at the report."}, 201)
    review = await table.review_of(claim_id)
    words = {"override": True, "override_reason": "The council decided.", "override_reason_ar": "قرر المجلس."}
    granted = {"sequence": 1, "decision": "approve"} | words
    await table.decide(desk.reviewer, review, [granted], 403)
    await table.decide(desk.senior, review, [granted], reissue_reason="correction")
    assert await table.until(claim_id, lambda status: status != "appealed") == "approved"
    assert await desk.used() == Decimal(2550)
    seen = await table.get(provider, f"/claims/{claim_id}/adjudication")
    assert (seen["totals"]["payer_share"], seen["decided_at"] > first) == (2550, True)
    assert (seen["decision_number"], seen["reissue_reason"]) == (3, "correction")
    async with desk.reviewer.transaction() as tx:
        rows = await tx.fetch(
            "SELECT number, outcome, reissue_reason FROM claimlinc.decision WHERE member_id = $1 ORDER BY number",
            desk.parties.member_id,
        )
    assert [tuple(row) for row in rows] == [
        (1, "partial", None),
        (2, "rejected", "adjudication"),
        (3, "approved", "correction"),
    ]


async def test_the_payer_opens_a_decided_claim_again_and_the_rules_decide_it(table):
    desk = table.desk
    claim_id = await table.submitted(line("100"))
    body = {"claim_id": claim_id, "reason": "audit", "note": "The price list was late."}
    moved = await table.post(desk.reviewer, "/reviews", body, 201)
    assert moved["status"] == "pended"
    await desk.without_a_price()
    await desk.with_a_price("60")
    await table.post(desk.reviewer, f"/reviews/{moved['review_id']}/rerun", {}, If_Match="*")
    assert await table.until(claim_id, lambda status: status != "approved") == "partial"
    assert await desk.used() == Decimal(51)
    await table.post(desk.reviewer, f"/reviews/{moved['review_id']}/rerun", {}, 422, If_Match="*")


async def test_an_appeal_after_its_time_is_refused_whole(table):
    desk, provider = table.desk, table.desk.parties.provider
    claim_id = await table.submitted(line("100"))
    async with desk.admin.transaction() as tx:
        await tx.execute(
            "INSERT INTO claimlinc.review_terms VALUES ($1, '2020-01-01', 100, 1, 24, $2, now())",
            desk.parties.payer_id,
            new_id(),
        )
    assert date.fromisoformat((await table.get(provider, f"/claims/{claim_id}/review"))["last_appeal_day"]) > desk.today
    late = desk.today + timedelta(days=2)

    def tomorrow(_):
        return late

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("claimlinc.service.appealing.today", tomorrow)
        refused = await table.post(provider, f"/claims/{claim_id}/appeals", {"reason": "Late."}, 409)
    assert (refused["code"], "2" in refused["detail_ar"]) == ("appeal-too-late", True)
    assert (await table.get(provider, f"/claims/{claim_id}"))["status"] == "approved"
    assert (await table.get(desk.reviewer, "/reviews"))["total"] == 0


async def test_what_the_table_does_not_name_is_refused_in_both_languages(table):
    provider = table.desk.parties.provider
    claim_id = await table.submitted(line("100", quantity="0"))
    for path, body in (("appeals", {"reason": "Now."}), ("information", {"text": "Two."})):
        refused = await table.post(provider, f"/claims/{claim_id}/{path}", body, 409)
        assert refused["code"] == "claim-state"
        assert refused["detail_ar"].startswith("المطالبة في حالة pended")
    await table.post(table.desk.stranger, f"/claims/{claim_id}/appeals", {"reason": "Mine."}, 403)
    await table.post(provider, "/claims/CLM-00000000000000000000000000/appeals", {"reason": "None."}, 404)


async def test_an_appeal_under_one_key_is_one_appeal(table):
    provider = table.desk.parties.provider
    claim_id = await table.submitted(line("100"))
    for _ in range(2):
        told = await table.post(
            provider, f"/claims/{claim_id}/appeals", {"reason": "Once."}, 201, Idempotency_Key="appeal-1"
        )
        assert [one["event"] for one in told["steps"]] == ["appeal"]
    review = await table.review_of(claim_id)
    assert [one["event"] for one in review["history"]] == ["appeal"]


async def test_a_cancelled_claim_is_told_nothing_and_its_case_is_closed(table):
    """Who cancels calls `withdraw`; a decision that was on its way does not bring the claim back."""
    desk, provider = table.desk, table.desk.parties.provider
    claim_id = await table.submitted(line("100", quantity="0"))
    review = await table.review_of(claim_id)
    case = await desk.case(await desk.of(await _decision(desk, claim_id)))
    async with desk.reviewer.transaction() as tx:
        await cases.withdraw(desk.reviewer, tx, desk.parties.payer_id, case.decision_id, Event.CANCEL)
    async with provider.transaction() as tx:
        await tx.execute("UPDATE claimlinc.claim SET status = 'cancelled' WHERE id = $1", ids.parse("CLM", claim_id))
    await table.decide(desk.reviewer, review, [{"sequence": 1, "decision": "approve", "quantity": 1}], 409)
    moved = cases.CaseMoved(
        case_id=case.id,
        organization_id=desk.parties.payer_id,
        provider_organization_id=desk.parties.provider_id,
        decision_id=case.decision_id,
        event=Event.ASK,
        status=case.state,
    )
    await telling.tell_provider(desk.reviewer.acting_for(desk.parties.payer_id), moved)
    assert (await table.get(provider, f"/claims/{claim_id}"))["status"] == "cancelled"
    with pytest.raises(ClaimStateRefused):
        async with desk.reviewer.transaction() as tx:
            await cases.withdraw(desk.reviewer, tx, desk.parties.payer_id, case.decision_id, Event.REPLACE)


async def _decision(desk, claim_id):
    async with desk.parties.provider.transaction() as tx:
        return await tx.fetchval(
            "SELECT payer_decision_id FROM claimlinc.answer WHERE claim_id = $1", ids.parse("CLM", claim_id)
        )
