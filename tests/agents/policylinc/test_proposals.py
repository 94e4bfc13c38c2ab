"""Proposals over HTTP: four eyes, the version that was seen, races, and the database behind all of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from authlinc.contract import OrganizationKind
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.errors import Forbidden
from masterlinc.ids import new_id
from masterlinc.testing import MakePrincipal, Running, bearer
from policylinc.changes.proposals import propose
from policylinc.changes.reading import read_json

BASE = "/api/v1/policies"
Send = Callable[..., Awaitable[Any]]


@pytest.fixture
def send(client: Any, running: Running) -> Send:
    async def send(ctx: Context, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"content-type": "application/json"}
        sent = bearer(running, ctx.principal) | kind | {name.replace("_", "-"): one for name, one in headers.items()}
        return await client.request(method, BASE + path, content=content, headers=sent)

    return send


@pytest_asyncio.fixture(loop_scope="session")
async def checker(payer: Context, running: Running, make_principal: MakePrincipal) -> Context:
    """Another administrator of the same payer."""
    return running.context("policylinc", make_principal("payer_admin", organization=payer.principal.organization_id))


def document(day: date, **changes: Any) -> dict[str, Any]:
    return {"kind": "payer", "effective_from": day.isoformat(), "follow_up_days": 14, "vat_percent": "15"} | changes


async def proposed(send: Send, ctx: Context, days: int = 30, **changes: Any) -> dict[str, Any]:
    day = today(ctx.clock) + timedelta(days=days)
    body = {"document": document(day, **changes), "reason": "The contract of the year"}
    answer = await send(ctx, "POST", "/proposals", body)
    assert answer.status_code == 201, answer.text
    (one,) = answer.json()["proposals"]
    return dict(one)


async def tag_of(send: Send, ctx: Context, proposal: str) -> str:
    return str((await send(ctx, "GET", f"/proposals/{proposal}")).headers["etag"])


async def decided(send: Send, ctx: Context, act: str, proposal: str, **body: Any) -> Any:
    tag = await tag_of(send, ctx, proposal)
    return await send(ctx, "POST", f"/proposals/{proposal}/{act}", body, if_match=tag)


async def versions(ctx: Context) -> list[tuple[int, int, date, Any]]:
    async with ctx.transaction() as tx:
        sql = (
            "SELECT version, follow_up_days, effective_from, effective_to FROM policylinc.payer_terms ORDER BY version"
        )
        return [tuple(row) for row in await tx.fetch(sql)]


async def test_another_person_lets_a_change_hold(send: Send, payer: Context, checker: Context) -> None:
    one = await proposed(send, payer)
    assert (one["status"], one["kind"], one["added"], one["changed"]) == ("proposed", "payer", 1, 0)
    assert await versions(payer) == []
    seen = (await send(checker, "GET", f"/proposals/{one['proposal_id']}")).json()
    assert seen["document"]["follow_up_days"] == 14
    assert {"field": "follow_up_days", "before": None, "after": "14"} in seen["items"][0]["fields"]
    answer = await decided(send, checker, "approve", one["proposal_id"], note="As agreed")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["status"], body["decision_note"]) == ("approved", "As agreed")
    assert body["decided_by"] != body["proposed_by"]
    day = today(payer.clock) + timedelta(days=30)
    assert await versions(payer) == [(1, 14, day, None)]
    terms = (await send(payer, "GET", f"/terms?kind=payer&on={day}")).json()
    assert terms["document"] == document(day, vat_percent=15.0) | {
        "administrator": None,
        "filing_days": None,
        "answer_minutes": 60,
        "when_late": "escalate",
        "valid_days": 30,
        "emergency_notice_hours": 24,
    }
    listed = (await send(payer, "GET", "/proposals?status=approved")).json()
    assert [row["proposal_id"] for row in listed["proposals"]] == [one["proposal_id"]]


async def test_nobody_approves_or_declines_their_own(send: Send, payer: Context) -> None:
    one = await proposed(send, payer)
    for act, body in (("approve", {}), ("decline", {"note": "no"})):
        answer = await decided(send, payer, act, one["proposal_id"], **body)
        assert (answer.status_code, answer.json()["code"]) == (403, "own-proposal")
        assert answer.json()["detail_ar"]
    assert await versions(payer) == []


async def test_only_the_proposer_takes_it_back(send: Send, payer: Context, checker: Context) -> None:
    one = await proposed(send, payer)
    answer = await decided(send, checker, "withdraw", one["proposal_id"])
    assert (answer.status_code, answer.json()["code"]) == (403, "not-your-proposal")
    assert (await decided(send, payer, "withdraw", one["proposal_id"])).json()["status"] == "withdrawn"
    answer = await decided(send, checker, "approve", one["proposal_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "proposal-decided")


async def test_a_decision_names_the_version_that_was_seen(send: Send, payer: Context, checker: Context) -> None:
    path = f"/proposals/{(await proposed(send, payer))['proposal_id']}/decline"
    assert (await send(checker, "POST", path, {"note": "no"})).status_code == 428
    assert (await send(checker, "POST", path, {"note": "no"}, if_match='"other"')).status_code == 412
    assert (await send(checker, "POST", path, {"note": " "}, if_match="*")).status_code == 422
    assert (await send(checker, "POST", path, {"note": "no"}, if_match="*")).json()["status"] == "declined"


async def test_what_was_made_from_other_terms_is_outdated(send: Send, payer: Context, checker: Context) -> None:
    first, second = await proposed(send, payer), await proposed(send, payer, 60, follow_up_days=7)
    assert (await decided(send, checker, "approve", first["proposal_id"])).status_code == 200
    answer = await decided(send, checker, "approve", second["proposal_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "proposal-outdated")
    again = await proposed(send, payer, 60, follow_up_days=7)
    assert (again["added"], again["changed"]) == (0, 1)
    assert (await decided(send, checker, "approve", again["proposal_id"])).status_code == 200
    day = today(payer.clock)
    assert await versions(payer) == [
        (1, 14, day + timedelta(days=30), day + timedelta(days=59)),
        (2, 7, day + timedelta(days=60), None),
    ]


async def test_a_day_that_is_over_is_changed_only_when_it_is_said(send: Send, payer: Context, checker: Context) -> None:
    assert (
        await decided(send, checker, "approve", (await proposed(send, payer, -90))["proposal_id"])
    ).status_code == 200
    day = today(payer.clock) - timedelta(days=30)
    body = {"document": document(day, follow_up_days=7), "reason": "A mistake"}
    answer = await send(payer, "POST", "/proposals", body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "past")
    answer = await send(payer, "POST", "/proposals", body | {"backdated": True})
    assert answer.status_code == 201
    (one,) = answer.json()["proposals"]
    assert (await decided(send, checker, "approve", one["proposal_id"])).status_code == 200
    assert [row[:2] for row in await versions(payer)] == [(1, 14), (2, 7)]


async def test_what_holds_already_is_no_proposal(send: Send, payer: Context, checker: Context) -> None:
    await decided(send, checker, "approve", (await proposed(send, payer))["proposal_id"])
    day = today(payer.clock) + timedelta(days=40)
    answer = await send(payer, "POST", "/proposals", {"document": document(day), "reason": "Again"})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing-changes")


async def test_faults_are_all_told_with_their_paths(send: Send, payer: Context) -> None:
    wrong = {"kind": "payer", "effective_from": "soon", "vat_percent": "101", "when_late": "never", "valid_days": 0}
    answer = await send(payer, "POST", "/proposals", {"document": wrong, "reason": "A try"})
    assert answer.status_code == 422
    assert sorted(one["path"] for one in answer.json()["errors"]) == ["effective_from", "when_late"]
    wrong |= {"effective_from": "2030-01-01", "when_late": "reject"}
    answer = await send(payer, "POST", "/proposals", {"document": wrong, "reason": "A try"})
    assert sorted(one["path"] for one in answer.json()["errors"]) == ["valid_days", "vat_percent"]


async def test_a_file_makes_a_proposal_of_each_document(send: Send, payer: Context, checker: Context) -> None:
    day = (today(payer.clock) + timedelta(days=5)).isoformat()
    classes = [{"policy_class": "A", "annual_limit": 5, "network": "N", "benefits": [{"benefit": "dental"}]}]
    product = {"kind": "product", "effective_from": day, "code": "P", "name": "P", "name_ar": "م", "policy_type": "PP"}
    network = {"kind": "network", "effective_from": day, "code": "N", "name": "N", "name_ar": "ش", "providers": [{}]}
    body = [product | {"classes": classes}, network]
    tried = await send(payer, "POST", "/imports?reason=New&check=true", body)
    assert (tried.status_code, tried.json()["proposals"], tried.json()["checked_only"]) == (200, [], True)
    answer = await send(payer, "POST", "/imports?reason=New", body)
    assert answer.status_code == 201, answer.text
    network_one, product_one = answer.json()["proposals"]
    early = await decided(send, checker, "approve", product_one["proposal_id"])
    assert (early.status_code, early.json()["errors"][0]["path"]) == (409, "classes[0].network")
    for one in (network_one, product_one):
        assert (await decided(send, checker, "approve", one["proposal_id"])).status_code == 200
    shown = (await send(payer, "GET", f"/terms?kind=product&subject=P&on={day}")).json()["document"]
    assert shown["classes"][0]["benefits"][0]["benefit"] == "dental"
    policy = {"kind": "policy", "effective_from": day, "expiry_date": "2090-01-01", "policy_number": "P-1"}
    policy |= {"product": "P", "policy_class": "A", "holder": "A company"}
    answer = await send(payer, "POST", "/proposals", {"document": policy, "reason": "Sold"})
    (sold,) = answer.json()["proposals"]
    assert (await decided(send, checker, "approve", sold["proposal_id"])).status_code == 200
    shown = (await send(payer, "GET", "/terms?kind=policy&subject=P-1")).json()["document"]
    assert shown == policy | {"status": "active", "annual_limit": 5.0, "deductible": 0.0, "network": "N"}
    sheet = f"contract,effective_from,percent_of_billed,system,code,amount\nC,{day},90,s,1,5\nC,{day},90,s,2,-5\n"
    answer = await send(payer, "POST", "/imports?reason=New", sheet.encode(), content_type="text/csv")
    assert [one["path"] for one in answer.json()["errors"]] == ["line 3, amount"]


async def test_the_same_key_proposes_once(send: Send, payer: Context) -> None:
    body = {"document": document(today(payer.clock) + timedelta(days=9)), "reason": "Once"}
    first = await send(payer, "POST", "/proposals", body, idempotency_key="one")
    again = await send(payer, "POST", "/proposals", body, idempotency_key="one")
    assert (first.status_code, first.json()) == (201, again.json())
    assert (await send(payer, "GET", "/proposals")).json()["total"] == 1


async def test_who_may_not_see_it_finds_nothing(send: Send, payer: Context, new_context: Any) -> None:
    one = await proposed(send, payer)
    rival = await new_context(OrganizationKind.PAYER, "payer_admin")
    assert (await send(rival, "GET", f"/proposals/{one['proposal_id']}")).status_code == 404
    path = f"/proposals/{one['proposal_id']}/approve"
    assert (await send(rival, "POST", path, {}, if_match="*")).status_code == 404
    adjudicator = await new_context(OrganizationKind.PAYER, "adjudicator")
    assert (await send(adjudicator, "POST", path, {}, if_match="*")).status_code == 403


@pytest.mark.parametrize("round_", range(5))
async def test_of_many_who_decide_at_once_one_does(
    send: Send, payer: Context, running: Running, make_principal: MakePrincipal, round_: int
) -> None:
    one = await proposed(send, payer)
    home = payer.principal.organization_id
    crowd = [running.context("policylinc", make_principal("payer_admin", organization=home)) for _ in range(4)]
    path = f"/proposals/{one['proposal_id']}"
    acts = [("approve", {}), ("decline", {"note": "no"})]
    asked = [
        send(ctx, "POST", f"{path}/{act}", body, if_match="*")
        for ctx, (act, body) in zip(crowd, [*acts, *acts][round_ % 2 :] + acts, strict=False)
    ]
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*asked)])
    assert statuses.count(200) == 1, statuses
    assert set(statuses) == {200, 409}
    shown = (await send(payer, "GET", path)).json()["status"]
    assert len(await versions(payer)) == (shown == "approved")


async def test_of_two_changes_approved_at_once_one_holds(send: Send, payer: Context, checker: Context) -> None:
    ones = [await proposed(send, payer, 30, follow_up_days=days) for days in (7, 21)]
    asked = [send(checker, "POST", f"/proposals/{one['proposal_id']}/approve", {}, if_match="*") for one in ones]
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*asked)])
    assert statuses == [200, 409]
    assert len(await versions(payer)) == 1


async def test_the_database_refuses_one_pair_of_eyes(send: Send, payer: Context) -> None:
    await proposed(send, payer)
    decide = """
    UPDATE policylinc.proposal SET status = $2, decided_by = proposed_by, decided_at = now(), decision_note = 'x'
    WHERE organization_id = $1
    """
    for status in ("approved", "declined"):
        with pytest.raises(asyncpg.CheckViolationError, match="four_eyes"):
            async with payer.transaction() as tx:
                await tx.execute(decide, payer.principal.organization_id, status)
    other = "UPDATE policylinc.proposal SET proposed_by = $2 WHERE organization_id = $1"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with payer.transaction() as tx:
            await tx.execute(other, payer.principal.organization_id, new_id())


async def test_a_machine_is_no_pair_of_eyes(payer: Context, running: Running) -> None:
    machine = running.context("policylinc", replace(payer.principal, kind="key"))
    with pytest.raises(Forbidden):
        await propose(machine, read_json(b"[]"), "A key", backdated=False)
