"""Subscriptions, dead letters and replays over HTTP: who may, what of whom, and what is told."""

from datetime import UTC, datetime

import pytest
import pytest_asyncio

from masterlinc.ids import new_id, show
from masterlinc.testing import Running, bearer, client_of


@pytest_asyncio.fixture(loop_scope="session")
async def parked(running: Running, make_principal):
    """A subscription of no enabled agent with two parked events of an admin's organization, and one of another's."""
    admin, another, subscription = make_principal("admin"), new_id(), f"toy.s{new_id().hex}"
    events = []
    async with running.services.db.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO masterlinc.subscription (name, agent, event, max_attempts, version)"
            " VALUES ($1, 'toy', $2, 3, '1')",
            subscription,
            f"{subscription}.v1",
        )
        for organization in (admin.organization_id, admin.organization_id, another):
            events.append(new_id())
            await transaction.execute(
                "SELECT masterlinc.publish(jsonb_build_array(jsonb_build_object('id', $1::uuid,"
                " 'organization_id', $2::uuid, 'name', $3::text, 'aggregate', $1::uuid, 'payload', '{}'::jsonb)))",
                events[-1],
                organization,
                f"{subscription}.v1",
            )
        await transaction.execute(
            "UPDATE masterlinc.delivery SET state = 'parked', attempts = 3, error = 'RuntimeError at run:1',"
            " finished_at = now() WHERE subscription = $1",
            subscription,
        )
    yield admin, subscription, [show("EVT", one) for one in events]
    async with running.services.db.transaction() as transaction:
        await transaction.execute("DELETE FROM masterlinc.subscription WHERE name = $1", subscription)


async def call(running: Running, principal, method: str, path: str, **options):
    async with client_of(running) as client:
        return await client.request(method, f"/api/v1/events/{path}", headers=bearer(running, principal), **options)


async def standing(running: Running, principal, subscription: str):
    answer = await call(running, principal, "GET", "subscriptions")
    assert answer.status_code == 200
    return next(one for one in answer.json()["subscriptions"] if one["subscription"] == subscription)


async def test_a_subscription_shows_what_waits_and_what_is_parked_of_one_s_own(running, parked, make_principal):
    admin, subscription, _ = parked
    one = await standing(running, admin, subscription)
    assert one == {
        "subscription": subscription,
        "agent": "toy",
        "event": f"{subscription}.v1",
        "max_attempts": 3,
        "pending": 0,
        "parked": 2,
        "oldest_pending_seconds": None,
        "replay": None,
    }
    assert (await standing(running, make_principal("auditor"), subscription))["parked"] == 0


async def test_dead_letters_are_those_of_one_s_own_organizations(running, parked, make_principal):
    admin, subscription, events = parked
    answer = await call(running, admin, "GET", "dead-letters", params={"subscription": subscription, "page_size": 1})
    body = answer.json()
    assert (body["total"], body["total_exact"], body["page_size"], len(body["dead_letters"])) == (2, True, 1, 1)
    one = body["dead_letters"][0]
    assert one["event_id"] == events[1]
    assert one["organization_id"] == show("ORG", admin.organization_id)
    assert (one["event"], one["attempts"], one["error"]) == (f"{subscription}.v1", 3, "RuntimeError at run:1")
    assert (one["aggregate_seq"], one["blocked"], one["agent"]) == (1, 0, "toy")
    stranger = make_principal("admin")
    answer = await call(running, stranger, "GET", "dead-letters", params={"event": f"{subscription}.v1"})
    assert answer.json()["total"] == 0


async def test_one_or_all_are_redriven(running, parked, make_principal):
    admin, subscription, events = parked
    answer = await call(running, admin, "POST", "redrive", json={"subscription": subscription, "event_id": events[0]})
    assert (answer.status_code, answer.json()) == (200, {"subscription": subscription, "redriven": 1})
    one = await standing(running, admin, subscription)
    assert (one["pending"], one["parked"], one["oldest_pending_seconds"] >= 0) == (1, 1, True)
    answer = await call(running, admin, "POST", "redrive", json={"subscription": subscription})
    assert answer.json()["redriven"] == 1
    async with running.services.db.transaction() as transaction:
        left = await transaction.fetchval(
            "SELECT count(*) FROM masterlinc.delivery WHERE subscription = $1 AND state = 'parked'", subscription
        )
    assert left == 1  # another organization's


@pytest.mark.parametrize("wanted", [0, 2, "EVT-1", "CLM-01J00000000000000000000000", "EVT-01J00000000000000000000000"])
async def test_what_is_not_parked_for_the_caller_is_not_there(running, parked, wanted):
    admin, subscription, events = parked
    event = events[wanted] if isinstance(wanted, int) else wanted
    body = {"subscription": subscription if wanted else "toy.nothing", "event_id": event}
    answer = await call(running, admin, "POST", "redrive", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "no-dead-letter")
    assert answer.json()["detail_ar"] == "لا يوجد حدث متوقف بهذا المعرّف لهذا الاشتراك"


async def test_a_replay_is_taken_down_and_done_by_a_process_in_its_own_time(running, parked):
    admin, subscription, _ = parked
    answer = await call(running, admin, "POST", "replay", json={"subscription": subscription, "from": "2020-01-01"})
    assert answer.status_code == 202
    assert answer.json() == {"subscription": subscription, "from": "2020-01-01", "status": "queueing"}
    while (one := await standing(running, admin, subscription))["replay"]["status"] == "queueing":
        pass
    assert (one["pending"], one["parked"], one["replay"]["queued"]) == (2, 0, 2)
    assert datetime.fromisoformat(one["replay"]["queued_at"]) <= datetime.now(UTC)


async def test_one_replay_at_a_time(running, parked):
    admin, subscription, _ = parked
    body = {"subscription": subscription, "from": "2020-01-01"}
    async with running.services.db.connection() as connection:
        await connection.execute("BEGIN; SELECT pg_current_xact_id()")  # the replay cannot end before this does
        first = await call(running, admin, "POST", "replay", json=body)
        again = await call(running, admin, "POST", "replay", json=body)
        await connection.execute("ROLLBACK")
    assert (first.status_code, again.status_code, again.json()["code"]) == (202, 409, "replay-runs")


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"subscription": "toy.nothing", "from": "2020-01-01"}, "subscription", "unknown-subscription"),
        ({"from": "yesterday"}, "from", "point"),
        ({"from": 5}, "from", "type"),
        ({"from": "EVT-01J00000000000000000000000"}, "from", "unknown-event"),
        ({"from": "2020-01-01", "all": True}, "all", "unknown"),
    ],
)
async def test_what_is_wrong_is_named(running, parked, body, path, code):
    admin, subscription, _ = parked
    answer = await call(running, admin, "POST", "replay", json={"subscription": subscription} | body)
    assert answer.status_code == 422
    assert [(one["path"], one["code"]) for one in answer.json()["errors"]] == [(path, code)]
    assert all(one["detail_ar"] for one in answer.json()["errors"])


@pytest.mark.parametrize("role", ["doctor", "nurse", "billing", "researcher", "adjudicator", "payer_admin", "service"])
async def test_who_is_no_operator_sees_nothing(running, make_principal, role):
    for method, path in [("GET", "subscriptions"), ("GET", "dead-letters"), ("POST", "redrive"), ("POST", "replay")]:
        answer = await call(running, make_principal(role), method, path, **({"json": {}} if method == "POST" else {}))
        assert answer.status_code == 403


async def test_an_auditor_reads_and_changes_nothing(running, make_principal):
    auditor = make_principal("auditor")
    assert (await call(running, auditor, "GET", "dead-letters")).status_code == 200
    for path in ("redrive", "replay"):
        assert (await call(running, auditor, "POST", path, json={})).status_code == 403


async def test_a_wrong_page_is_refused(running, make_principal):
    answer = await call(running, make_principal("admin"), "GET", "dead-letters", params={"page_size": 101})
    assert answer.status_code == 422
