"""Inboxes of agents."""

import asyncio
from datetime import UTC, datetime

import pytest

from masterlinc.retention import forget_messages
from masterlinc.testing import bearer, client_of

ROUTE = "/api/v1/message/route"


def message(**changes):
    body = {
        "sender_id": "claimlinc",
        "receiver_id": "policylinc",
        "message_type": "note",
        "content": {"text": "please look at M1002730"},
        "priority": 5,
    }
    return body | changes


def echo(**changes):
    return message(receiver_id="masterlinc", message_type="echo", content={"message": "hello"}) | changes


async def test_a_message_is_in_the_inbox_and_is_read_and_acknowledged(caller):
    admin = caller("admin")
    answer = await admin.post(ROUTE, message())
    assert answer.status_code == 201
    sent = answer.json()
    assert (sent["status"], sent["workflow_id"]) == ("delivered", None)
    assert sent["delivered_at"] == sent["sent_at"]
    assert sent["message_id"].startswith("INB-")
    assert sent["status_url"] == f"/api/v1/messages/{sent['message_id']}"
    read = (await admin.get(sent["status_url"])).json()
    assert read == sent | {"content": {"text": "please look at M1002730"}, "content_hidden": False}
    done = (await admin.post(f"{sent['status_url']}/acknowledge")).json()
    assert done["status"] == "acknowledged"
    again = await admin.post(f"{sent['status_url']}/acknowledge")
    assert (again.status_code, again.json()) == (200, done)
    assert len(await admin.audited("message.send")) == 1
    assert len(await admin.audited("message.read")) == 1
    assert len(await admin.audited("message.acknowledge")) == 1


async def test_what_a_message_said_is_gone_after_its_time_and_its_key_is_not(caller):
    admin = caller("admin")
    sent = (await admin.post(ROUTE, message(message_key="once"))).json()
    await admin.post(f"{sent['status_url']}/acknowledge")
    await forget_messages(admin.running.services.db, datetime.now(UTC), 10_000)
    gone = await admin.get(sent["status_url"])
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")
    assert "acknowledged" in gone.json()["detail"]
    page = (await admin.get("/api/v1/messages")).json()
    assert [one["message_id"] for one in page["messages"]] == [sent["message_id"]]
    again = await admin.post(ROUTE, message(message_key="once"))
    assert (again.status_code, again.json()["message_id"]) == (200, sent["message_id"])


async def test_an_inbox_is_read_by_priority_and_age(caller):
    admin = caller("admin")
    ids = [(await admin.post(ROUTE, message(priority=priority))).json()["message_id"] for priority in (5, 9, 5, 1)]
    other = (await admin.post(ROUTE, message(receiver_id="sbslinc"))).json()["message_id"]
    page = (await admin.get("/api/v1/messages", receiver="policylinc")).json()
    assert [one["message_id"] for one in page["messages"]] == [ids[3], ids[0], ids[2], ids[1]]
    assert (page["total"], page["total_exact"]) == (4, True)
    assert all("content" not in one for one in page["messages"])
    await admin.post(f"/api/v1/messages/{ids[0]}/acknowledge")
    left = (await admin.get("/api/v1/messages", receiver="policylinc", state="delivered", page_size=2)).json()
    assert ([one["message_id"] for one in left["messages"]], left["total"]) == ([ids[3], ids[2]], 3)
    assert (await admin.get("/api/v1/messages", sender="claimlinc")).json()["total"] == 5
    assert (await admin.get("/api/v1/messages", receiver="sbslinc")).json()["messages"][0]["message_id"] == other
    wrong = await admin.get("/api/v1/messages", state="lost")
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "state")


@pytest.mark.parametrize("kind", ["echo", "masterlinc.echo"])
async def test_a_message_that_names_a_task_is_handled_by_it(caller, kind):
    admin = caller("admin")
    sent = (await admin.post(ROUTE, echo(message_type=kind, priority=2))).json()
    assert sent["status"] in {"delivered", "handled"}
    done = await admin.ended(sent["workflow_id"])
    assert (done["results"], done["priority"]) == ({"echo": {"message": "hello"}}, 2)
    read = (await admin.get(f"/api/v1/messages/{sent['message_id']}")).json()
    assert (read["status"], read["content"]) == ("handled", {"message": "hello"})
    assert (await admin.post(f"/api/v1/messages/{sent['message_id']}/acknowledge")).json()["status"] == "acknowledged"


async def test_a_message_whose_task_is_at_work_is_not_acknowledged(caller):
    admin = caller("admin")
    sent = (await admin.post(ROUTE, echo(message_type="wait", content={"seconds": 3600}))).json()
    refused = await admin.post(f"/api/v1/messages/{sent['message_id']}/acknowledge")
    assert (refused.status_code, refused.json()["code"]) == (409, "message-state")
    await admin.post(f"/api/v1/workflows/{sent['workflow_id']}/cancel", {"reason": "test"})
    await admin.ended(sent["workflow_id"])
    assert (await admin.get(f"/api/v1/messages/{sent['message_id']}")).json()["status"] == "failed"
    assert (await admin.post(f"/api/v1/messages/{sent['message_id']}/acknowledge")).status_code == 200


def signing(caller):
    document = {"organization_id": str(caller.organization), "payload": '{"name": "Huda Majid"}'}
    return message(receiver_id="sbslinc", message_type="sign_document", content=document)


async def test_the_permission_of_the_task_is_asked_for(caller):
    service = caller("service")  # sends messages, and may not sign
    refused = await service.post(ROUTE, signing(service))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await service.get("/api/v1/messages")).json()["total"] == 0
    assert (await service.post(ROUTE, message())).status_code == 201


@pytest.mark.parametrize(
    ("changes", "status", "path"),
    [
        ({"sender_id": "nobody"}, 404, None),
        ({"receiver_id": "nobody"}, 404, None),
        ({"priority": 0}, 422, "priority"),
        ({"priority": "high"}, 422, "priority"),
        ({"message_type": ""}, 422, "message_type"),
        ({"wrong": 1}, 422, "wrong"),
        ({"receiver_id": "masterlinc", "message_type": "echo", "content": {}}, 422, "content.message"),
        ({"receiver_id": "masterlinc", "message_type": "wait", "content": {"seconds": "x"}}, 422, "content.seconds"),
    ],
)
async def test_what_cannot_be_delivered_is_refused(caller, changes, status, path):
    admin = caller("admin")
    answer = await admin.post(ROUTE, message(**changes))
    assert answer.status_code == status
    assert [error["path"] for error in answer.json()["errors"]] == ([path] if path else [])
    assert answer.json()["detail_ar"]
    assert (await admin.get("/api/v1/messages")).json()["total"] == 0


async def test_a_message_is_no_store_of_files(caller):
    answer = await caller("admin").post(ROUTE, message(content={"scan": "x" * 1_048_576}))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_a_disabled_receiver_is_refused_with_words(run_app, make_principal):
    running = await run_app(doctorlinc={"enabled": False})
    async with client_of(running) as http:
        headers = bearer(running, make_principal("admin"))
        answer = await http.post(ROUTE, json=message(receiver_id="doctorlinc"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "agent-disabled")
    assert "doctorlinc" in answer.json()["detail_ar"]


async def test_a_message_for_an_agent_that_nobody_serves_is_queued(run_app, make_principal):
    def only_authlinc(settings):
        settings.process.agents = ["authlinc"]

    running = await run_app(configure=only_authlinc)
    async with client_of(running) as http:
        headers = bearer(running, make_principal("admin"))
        claim = message(receiver_id="claimlinc", message_type="validate", content={"claim": {"amount": 1}})
        answer = await http.post(ROUTE, json=claim, headers=headers)
        assert (answer.status_code, answer.json()["status"], answer.json()["delivered_at"]) == (201, "queued", None)
        refused = await http.post(f"/api/v1/messages/{answer.json()['message_id']}/acknowledge", headers=headers)
        assert refused.status_code == 409


async def test_a_message_key_is_sent_once_by_a_sender_of_an_organization(caller):
    admin = caller("admin")
    first = await admin.post(ROUTE, echo(message_key="k"))
    again = await admin.post(ROUTE, echo(message_key="k"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["message_id"] == first.json()["message_id"]
    other = await admin.post(ROUTE, echo(message_key="k", content={"message": "other"}))
    assert (other.status_code, other.json()["code"]) == (409, "message-key-taken")
    assert other.json()["message_id"] == first.json()["message_id"]
    assert (await admin.post(ROUTE, echo(message_key="k", sender_id="sbslinc"))).status_code == 201
    assert (await caller("admin").post(ROUTE, echo(message_key="k"))).status_code == 201
    assert len(await admin.audited("workflow.start")) == 2


async def test_of_many_that_send_one_key_at_once_one_is_kept(caller):
    admin = caller("admin")
    answers = await asyncio.gather(*(admin.post(ROUTE, echo(message_key="storm")) for _ in range(12)))
    assert sorted({answer.status_code for answer in answers} - {503}) == [200, 201]
    assert len([answer for answer in answers if answer.status_code == 201]) == 1
    assert (await admin.get("/api/v1/messages")).json()["total"] == 1


async def test_an_idempotency_key_sends_once(caller):
    admin = caller("admin")
    first = await admin.post(ROUTE, message(), idempotency_key="k")
    again = await admin.post(ROUTE, message(), idempotency_key="k")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_messages_of_another_organization_are_not_there(caller):
    sent = (await caller("admin").post(ROUTE, message())).json()
    other = caller("admin")
    assert (await other.get(sent["status_url"])).status_code == 404
    assert (await other.post(f"{sent['status_url']}/acknowledge")).status_code == 404
    assert (await other.get("/api/v1/messages")).json()["total"] == 0
    for wrong in ("INB-1", "WFL-00000000000000000000000000", sent["message_id"].lower()):
        assert (await other.get(f"/api/v1/messages/{wrong}")).status_code == 404


async def test_content_for_a_task_is_hidden_from_who_may_not_run_it(caller):
    admin = caller("admin")
    sent = (await admin.post(ROUTE, signing(admin))).json()
    path = f"/api/v1/messages/{sent['message_id']}"
    assert (await admin.get(path)).json()["content"]["payload"] == '{"name": "Huda Majid"}'
    other = caller("admin", organization=admin.organization)
    assert (await other.get(path)).json()["content_hidden"] is False
    hidden = (await caller("service", organization=admin.organization).get(path)).json()
    assert (hidden["content_hidden"], hidden["content"]) == (True, None)
    assert len(await admin.audited("message.read")) == 2


async def test_content_is_sealed_in_the_database(caller):
    admin = caller("admin")
    await admin.post(ROUTE, message(content={"name": "Huda Majid"}))
    async with admin.running.services.db.transaction(admin.principal.organizations) as transaction:
        (row,) = await transaction.fetch("SELECT content, fingerprint FROM masterlinc.message")
    assert b"Huda" not in row["content"]
    assert len(row["fingerprint"]) == 16


@pytest.mark.parametrize("role", ["doctor", "nurse", "billing", "auditor", "researcher"])
async def test_messages_need_their_permissions(caller, role):
    other = caller(role)
    assert (await other.post(ROUTE, message())).status_code == 403
    assert (await other.get("/api/v1/messages")).status_code == 403
