"""Messages over HTTP: taken whole or not at all, stored as they came, seen by their owner only."""

import asyncio

import pytest
from conftest import World, stages
from nphies_messages import REQUESTS, tree

from masterlinc.testing import MakePrincipal, bearer


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_type_of_request_is_taken_and_adjudicated(world: World, name: str) -> None:
    decided = await world.decided(world.message(name))
    assert decided["status"] in {"approved", "partial"}, (decided, await stages(world, decided["claim_id"]))
    for line in decided["lines"]:
        assert line["payer_share"] + line["patient_share"] == pytest.approx(line["allowed"] + line["tax"])
        assert line["reason"]
        assert line["reason_ar"]
    if name.startswith("priorauth"):
        assert decided["preauth_ref"]


async def test_the_answer_names_message_claim_and_warnings(world: World) -> None:
    data = world.message().replace(b'"NI"', b'"PRC"')
    taken = await world.post(data)
    assert taken.status_code == 201
    body = taken.json()
    assert body["message_id"].startswith("MSG-")
    assert body["event"] == "claim-request"
    assert body["claims"] == [{"claim_id": body["claims"][0]["claim_id"], "status": "pending", "duplicate": False}]
    warning = body["warnings"][0]
    assert (warning["rule"], warning["path"]) == ("BV-00798", "Bundle.entry[2].resource.identifier[0].value")
    assert warning["detail"]
    assert warning["detail_ar"]


async def test_a_message_sent_again_answers_the_same_claim(world: World) -> None:
    data = world.message()
    first, second = await world.post(data), await world.post(data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["message_id"] == first.json()["message_id"]
    assert second.json()["claims"][0]["claim_id"] == first.json()["claims"][0]["claim_id"]
    assert second.json()["claims"][0]["duplicate"] is True


async def test_a_key_answers_as_the_first_time(world: World) -> None:
    data, headers = world.message(), bearer(world.running, world.clerk) | {"idempotency-key": "k1"}
    headers["content-type"] = "application/fhir+json"
    first, second = [await world.http.post("/api/v1/nphies/messages", content=data, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = await world.http.post("/api/v1/nphies/messages", content=world.message(), headers=headers)
    assert other.status_code == 422


async def test_another_message_of_the_same_claim_is_stored_and_its_claim_is_named(world: World) -> None:
    data = world.message()
    again = data
    for old, new in _ids(data):
        again = again.replace(old, new)
    first, second = await world.post(data), await world.post(again)
    assert second.status_code == 201
    assert second.json()["message_id"] != first.json()["message_id"]
    claim = second.json()["claims"][0]
    assert (claim["claim_id"], claim["duplicate"]) == (first.json()["claims"][0]["claim_id"], True)


async def test_a_message_that_arrives_ten_times_at_once_is_one_claim(world: World) -> None:
    data = world.message()
    answers = await asyncio.gather(*(world.post(data) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["claims"][0]["claim_id"] for answer in answers}) == 1
    assert len({answer.json()["message_id"] for answer in answers}) == 1


async def test_ids_are_not_used_for_other_content(world: World) -> None:
    data = world.message()
    await world.post(data)
    refused = await world.post(data.replace(b"Office visit", b"Other visit"))
    assert refused.status_code == 409
    assert {error["code"] for error in refused.json()["errors"]} == {"BV-00533"}


async def test_the_original_is_kept_byte_for_byte(world: World) -> None:
    data = world.message().replace(b'"value": 304.75', b'"value":   304.7500')
    message_id = (await world.post(data)).json()["message_id"]
    original = await world.get(f"/nphies/messages/{message_id}?raw=true")
    assert original.content == data
    assert original.headers["content-type"].startswith("application/fhir+json")
    view = (await world.get(f"/nphies/messages/{message_id}")).json()
    assert (view["size"], view["event"], view["origin"]) == (len(data), "claim-request", "submitted")
    assert view["sender"] == world.provider_license


async def test_another_organization_sees_nothing(world: World, make_principal: MakePrincipal) -> None:
    message_id = (await world.post(world.message())).json()["message_id"]
    stranger = bearer(world.running, make_principal("billing"))
    for path in (f"/api/v1/nphies/messages/{message_id}", f"/api/v1/nphies/messages/{message_id}?raw=true"):
        assert (await world.http.get(path, headers=stranger)).status_code == 404
    assert (await world.get("/nphies/messages/MSG-x")).status_code == 404
    assert (await world.get(f"/nphies/messages/{message_id.replace('MSG', 'CLM')}")).status_code == 404


async def test_the_routes_ask_for_their_permissions(world: World, make_principal: MakePrincipal) -> None:
    nurse = bearer(world.running, make_principal("nurse", organization=world.clerk.organization_id))
    posted = await world.http.post("/api/v1/nphies/messages", json={}, headers=nurse)
    assert posted.status_code == 403
    assert (await world.http.post("/api/v1/nphies/messages", json={})).status_code == 401


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400, "malformed"),
        (b"[]", 400, "not-json"),
        (b"{}", 422, "not-nphies"),
        (b'{"resourceType":"Bundle","type":"message","entry":[]}', 422, "not-nphies"),
        (b" " * 10_485_761, 413, "too-large"),
    ],
)
async def test_what_is_no_message_is_refused(world: World, data: bytes, status: int, code: str) -> None:
    refused = await world.post(data)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["detail_ar"]


@pytest.mark.parametrize(
    ("event", "status", "code"), [("poll-request", 501, "event-not-built"), ("claim", 422, "unknown-event")]
)
async def test_other_events_are_told_apart(world: World, event: str, status: int, code: str) -> None:
    data = world.message().replace(b'"code": "claim-request"', f'"code": "{event}"'.encode())
    refused = await world.post(data)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_a_message_broken_half_way_leaves_nothing(world: World) -> None:
    data = world.message().replace(b'"quantity"', b'"quantitee"', 1)
    refused = await world.post(data)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "Bundle.entry[1].resource.item[0].quantity"
    assert refused.json()["errors"][0]["code"] == "IC-00045"
    assert (await world.get("/claims")).json()["total"] == 0
    async with world.ctx.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM nphieslinc.message") == 0


async def test_only_json_is_taken(world: World) -> None:
    assert (await world.post(world.message(), kind="text/plain")).status_code == 415
    assert (await world.post(world.message(), kind="application/json")).status_code == 201


async def test_full_strictness_refuses_every_broken_rule(strict_world: World) -> None:
    data = strict_world.message().replace(b'"NI"', b'"PRC"').replace(b"304.75", b"305.75")
    refused = await strict_world.post(data)
    assert refused.status_code == 422
    assert {error["code"] for error in refused.json()["errors"]} == {"BV-00798", "BV-00059"}


async def test_another_s_licence_is_a_warning_or_refused(world: World, strict_world: World) -> None:
    other = {"10000000000011": "T-elsewhere"}
    warned = await world.post(world.message(**other))
    assert [warning["rule"] for warning in warned.json()["warnings"]] == ["GE-00020"]
    refused = await strict_world.post(strict_world.message(**other))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "GE-00020"


async def test_a_message_under_an_unknown_licence_is_explained_to_who_sent_it(world: World) -> None:
    decided = await world.decided(world.message(**{"10000000000011": "T-elsewhere"}))
    assert decided["lines"][0]["trace"]
    assert "simulator" in str(decided["trace"]).lower()


async def test_a_full_check_takes_our_own_messages(strict_world: World) -> None:
    for name in REQUESTS:
        assert (await strict_world.post(strict_world.message(name))).json().get("warnings") == [], name


async def test_a_changed_claim_under_its_old_number_is_refused(world: World) -> None:
    data = world.message()
    await world.post(data)
    number = tree()  # the ids of a fixture that no message of this provider has
    other = data
    for old, new in _ids(data):
        other = other.replace(old, new)
    other = other.replace(b"Office visit", b"Office visit again").replace(b'"value": 20,', b'"value": 21,')
    refused = await world.post(other)
    assert refused.status_code == 409, (refused.text, number["id"])


def _ids(data: bytes) -> list[tuple[bytes, bytes]]:
    import json

    bundle = json.loads(data)
    header = bundle["entry"][0]["resource"]["id"]
    return [
        (bundle["id"].encode(), b"9" * 8 + bundle["id"][8:].encode()),
        (header.encode(), b"9" * 8 + header[8:].encode()),
    ]
