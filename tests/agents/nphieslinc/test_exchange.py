"""The exchange of a claim: the same bytes however often it is sent, one answer, nothing read before it is stored."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from conftest import DEFAULT_PAYER, World
from nphies_messages import opened, raw

from claimlinc.contract import ClaimSubmission, Cover, Identifier, RecordClaim, RecordedClaim, Subject
from claimlinc.schemas import ClaimForm
from masterlinc import ids
from masterlinc.agent import Park, Retry, StepInput
from masterlinc.context import Context
from nphieslinc import exchange, hub, queries, simulator, storage
from nphieslinc.config import Config
from nphieslinc.errors import HubUnreachable
from nphieslinc.faults import BrokenRule
from nphieslinc.reading import read_answer, read_submission
from nphieslinc.simulator import process_message
from nphieslinc.writing import operation_outcome

ONBOARDING = b'"value": "1100000254"'


@pytest.fixture
def world(still_world: World) -> World:
    """A system whose engine takes nothing: each test runs the steps itself."""
    return still_world


async def submitted(world: World, data: bytes) -> StepInput:
    taken = await world.post(data)
    assert taken.status_code == 201, taken.text
    claim_id = ids.parse("CLM", taken.json()["claims"][0]["claim_id"])
    return StepInput(str(claim_id), world.clerk.organization_id)


async def claim_status(world: World, step: StepInput) -> str:
    return (await world.get(f"/claims/{ids.show('CLM', UUID(step.key))}")).json()["status"]


async def exchange_row(world: World, step: StepInput) -> Any:
    async with world.ctx.transaction() as tx:
        return await tx.fetchrow("SELECT * FROM nphieslinc.exchange WHERE claim_id = $1", UUID(step.key))


async def stored(world: World, message_id: UUID) -> bytes:
    async with world.ctx.transaction() as tx:
        body = await tx.fetchval("SELECT body FROM nphieslinc.message WHERE id = $1", message_id)
    return storage.unsealed(world.ctx.vault, world.clerk.organization_id, message_id, body)


async def test_a_claim_that_came_as_a_message_is_sent_as_it_came(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    data = world.message()
    step = await submitted(world, data)
    sent: list[bytes] = []

    async def listen(ctx: Context, message: bytes) -> bytes:
        sent.append(message)
        return await process_message(ctx, message)

    monkeypatch.setattr(simulator, "process_message", listen)
    await exchange.submit_claim(world.ctx, step)
    await exchange.submit_claim(world.ctx, step)
    assert sent == [data]
    row = await exchange_row(world, step)
    assert (row["state"], row["attempts"]) == ("answered", 1)
    done = await exchange.record_answer(world.ctx, step)
    assert done.note == "answer 1: approved"
    assert await claim_status(world, step) == "approved"


async def test_a_crash_after_the_send_sends_the_same_and_gets_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = await submitted(world, world.message())
    answers: list[bytes] = []

    async def lost(ctx: Context, organization: UUID, row: Any, answer: bytes) -> None:
        answers.append(answer)
        raise ConnectionError("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr(exchange, "_keep", lost)
        with pytest.raises(ConnectionError):
            await exchange.submit_claim(world.ctx, step)
    await exchange.submit_claim(world.ctx, step)
    row = await exchange_row(world, step)
    assert await stored(world, row["answer_message_id"]) == answers[0]
    assert row["attempts"] == 2


async def test_a_claim_without_a_message_gets_one(world: World) -> None:
    submission = read_submission(opened(world.message("claim-request_oral")))
    recorded = await world.ctx.call(RecordClaim(submission), RecordedClaim)
    step = StepInput(str(ids.parse("CLM", recorded.claim_id)), world.clerk.organization_id)
    await exchange.submit_claim(world.ctx, step)
    row = await exchange_row(world, step)
    built = read_submission(opened(await stored(world, row["request_message_id"])))
    assert (built.identifier, built.total, built.subject) == (
        submission.identifier,
        submission.total,
        submission.subject,
    )
    await exchange.record_answer(world.ctx, step)
    assert await claim_status(world, step) == "approved"


async def without_payer(world: World) -> StepInput:
    submission = read_submission(opened(world.message("claim-request_oral")))
    nobody = msgspec.structs.replace(submission, payer_license=None)
    recorded = await world.ctx.call(RecordClaim(nobody), RecordedClaim)
    return StepInput(str(ids.parse("CLM", recorded.claim_id)), world.clerk.organization_id)


async def test_a_claim_that_leads_to_no_payer_ends_and_says_what_to_do(strict_world: World) -> None:
    step = await without_payer(strict_world)
    await strict_world.running.dispatcher.idle()
    shown = (await strict_world.get(f"/claims/{ids.show('CLM', UUID(step.key))}/adjudication")).json()
    assert shown["status"] == "error"
    assert [fault["code"] for fault in shown["errors"]] == ["payer-unknown"]
    assert "policy_number" in shown["errors"][0]["detail_ar"]
    fields = [set(re.findall(r"[a-z]+_[a-z]+", shown["errors"][0][words])) for words in ("detail", "detail_ar")]
    assert [one <= set(ClaimForm.__struct_fields__) for one in fields] == [True, True], fields


def unnamed(submission: ClaimSubmission) -> ClaimSubmission:
    local = Identifier("urn:local", "PAT-001")
    return msgspec.structs.replace(submission, subject=Subject(name="", identifiers=(local,)), cover=Cover())


async def test_a_claim_for_a_patient_whom_nobody_knows_ends_and_says_what_to_do(strict_world: World) -> None:
    submission = read_submission(opened(strict_world.message("claim-request_oral")))
    recorded = await strict_world.ctx.call(RecordClaim(unnamed(submission)), RecordedClaim)
    await strict_world.running.dispatcher.idle()
    shown = (await strict_world.get(f"/claims/{recorded.claim_id}/adjudication")).json()
    assert [fault["code"] for fault in shown["errors"]] == ["patient-unknown"]


async def test_the_demo_decides_for_a_patient_whom_nobody_knows_and_the_trace_says_so(world: World) -> None:
    submission = read_submission(opened(world.message("claim-request_oral")))
    recorded = await world.ctx.call(RecordClaim(unnamed(submission)), RecordedClaim)
    step = StepInput(str(ids.parse("CLM", recorded.claim_id)), world.clerk.organization_id)
    await exchange.submit_claim(world.ctx, step)
    await exchange.record_answer(world.ctx, step)
    shown = (await world.get(f"/claims/{recorded.claim_id}/adjudication")).json()
    assert shown["status"] == "approved"
    assert "enrolled-by-simulator" in [trace["result"] for trace in shown["trace"]]


async def test_the_demo_s_stand_in_payer_takes_a_claim_that_leads_to_none(world: World) -> None:
    step = await without_payer(world)
    await exchange.submit_claim(world.ctx, step)
    await exchange.record_answer(world.ctx, step)
    assert await claim_status(world, step) == "approved"


async def test_processes_that_both_take_the_step_build_one_message(world: World) -> None:
    step = await without_payer(world)
    await asyncio.gather(*(exchange.submit_claim(world.ctx, step) for _ in range(5)))
    built = "SELECT count(*) FROM nphieslinc.message WHERE claim_id = $1 AND direction = 'outbound'"
    async with world.ctx.transaction() as tx:
        assert await tx.fetchval(built, UUID(step.key)) == 1


async def test_a_process_that_looked_before_the_answer_came_sends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = await submitted(world, world.message())
    looked = exchange._exchange

    async def hangs(ctx: Context, organization: UUID, claim_id: UUID) -> Any:
        row = await looked(ctx, organization, claim_id)
        monkeypatch.setattr(exchange, "_exchange", looked)
        assert (await exchange.submit_claim(world.ctx, step)).note == "answered"
        return row

    monkeypatch.setattr(exchange, "_exchange", hangs)
    assert (await exchange.submit_claim(world.ctx, step)).note == "answered meanwhile"
    row = await exchange_row(world, step)
    assert (row["state"], row["attempts"]) == ("answered", 1)


async def test_an_answer_that_never_came_is_not_recorded(world: World) -> None:
    step = await submitted(world, world.message())
    async with world.ctx.transaction() as tx:
        message_id = await tx.fetchval("SELECT message_id FROM claimlinc.claim WHERE id = $1", UUID(step.key))
        await queries.insert_exchange(
            tx, step.organization_id, ids.new_id(), UUID(step.key), message_id, world.ctx.clock.now()
        )
    with pytest.raises(Park, match="no answer"):
        await exchange.record_answer(world.ctx, step)


async def test_an_answer_is_stored_before_it_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    step = await submitted(world, world.message())

    async def garbage(ctx: Context, message: bytes) -> bytes:
        return b"<html>502</html>"

    monkeypatch.setattr(simulator, "process_message", garbage)
    await exchange.submit_claim(world.ctx, step)
    row = await exchange_row(world, step)
    assert await stored(world, row["answer_message_id"]) == b"<html>502</html>"
    with pytest.raises(Park, match="cannot be used"):
        await exchange.record_answer(world.ctx, step)
    assert await claim_status(world, step) == "pending"


async def test_an_answer_to_another_request_is_not_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    step, other = await submitted(world, world.message()), world.message()

    async def confused(ctx: Context, message: bytes) -> bytes:
        return await process_message(ctx, other)

    monkeypatch.setattr(simulator, "process_message", confused)
    await exchange.submit_claim(world.ctx, step)
    with pytest.raises(Park, match="for another request"):
        await exchange.record_answer(world.ctx, step)


async def test_what_the_hub_cannot_read_is_an_error_with_its_rule(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = await submitted(world, world.message())

    async def unreadable(ctx: Context, message: bytes) -> bytes:
        return operation_outcome([BrokenRule("FR-00012", "Bundle.entry[0]", "no header", "لا يوجد رأس")])

    monkeypatch.setattr(simulator, "process_message", unreadable)
    await exchange.submit_claim(world.ctx, step)
    await exchange.record_answer(world.ctx, step)
    assert await claim_status(world, step) == "error"
    decided = (await world.get(f"/claims/{ids.show('CLM', UUID(step.key))}/adjudication")).json()
    assert (decided["errors"][0]["code"], decided["errors"][0]["path"]) == ("FR-00012", "Bundle.entry[0]")


# The simulator ---------------------------------------------------------------------------------------------------


async def answer_to(world: World, data: bytes) -> Any:
    request = opened(data)
    return read_answer(opened(await process_message(world.ctx, data)), request_header_id=request.header_id)


async def test_a_message_that_is_sent_again_gets_the_same_answer(world: World) -> None:
    data = world.message()
    assert await process_message(world.ctx, data) == await process_message(world.ctx, data)


async def test_a_message_that_arrives_five_times_at_once_gets_one_answer(world: World) -> None:
    data = world.message()
    answers = await asyncio.gather(*(process_message(world.ctx, data) for _ in range(5)))
    assert len(set(answers)) == 1


@pytest.mark.parametrize("rule", ["BV-00533", "BV-00532", "BV-00163"])
async def test_ids_that_come_with_other_content_are_refused(world: World, rule: str) -> None:
    data = world.message()
    await process_message(world.ctx, data)
    bundle = msgspec.json.decode(data)
    new = {"BV-00533": [], "BV-00532": ["bundle"], "BV-00163": ["bundle", "header"]}[rule]
    if "bundle" in new:
        bundle["id"] = str(ids.new_id())
    if "header" in new:
        bundle["entry"][0]["resource"]["id"] = str(ids.new_id())
    bundle["timestamp"] = "2026-02-12T10:00:00+03:00"
    answer = await answer_to(world, msgspec.json.encode(bundle))
    assert answer.status == "error"
    assert answer.errors[0].code == rule


@pytest.mark.parametrize(
    ("identity", "status", "code"), [("2333333333", "error", "1658"), ("2555555550", "rejected", "CV-2-1")]
)
async def test_the_persons_of_the_onboarding_are_answered(world: World, identity: str, status: str, code: str) -> None:
    answer = await answer_to(world, world.message(**{"1100000254": identity}))
    found = [error.code for error in answer.errors] or [line.denial_code for line in answer.lines]
    assert (answer.status, found[0]) == (status, code)


async def test_a_deferred_claim_is_pended(world: World) -> None:
    data = world.message(**{'"code": "normal"': '"code": "deferred"'})
    step = await submitted(world, data)
    await exchange.submit_claim(world.ctx, step)
    await exchange.record_answer(world.ctx, step)
    assert await claim_status(world, step) == "pended"


async def test_a_payer_that_is_not_here_is_stood_in_for_and_the_answer_says_so(world: World) -> None:
    answer = await answer_to(world, world.message(**{world.payer_license: "P-elsewhere"}))
    assert answer.status == "approved"
    assert DEFAULT_PAYER in (answer.disposition or "")


async def test_a_strict_simulator_enrols_nobody(strict_world: World) -> None:
    answer = await answer_to(strict_world, strict_world.message())
    assert [error.code for error in answer.errors] == ["1658"]
    answer = await answer_to(strict_world, strict_world.message(**{strict_world.payer_license: "P-elsewhere"}))
    assert [error.code for error in answer.errors] == ["GE-00015"]


async def test_a_strict_simulator_judges_by_the_rules(strict_world: World) -> None:
    answer = await answer_to(strict_world, strict_world.message().replace(b"304.75", b"305.75"))
    assert [(error.code, error.path) for error in answer.errors] == [("BV-00059", "Bundle.entry[1].resource.total")]


async def test_a_strict_simulator_compares_licence_and_sender(strict_world: World) -> None:
    answer = await answer_to(strict_world, strict_world.message(**{"10000000000011": "T-elsewhere"}))
    assert [error.code for error in answer.errors] == ["GE-00020"]


async def test_the_simulator_answers_garbage_with_an_operation_outcome(world: World) -> None:
    for data in (b"{", b"{}", raw().replace(b"claim-request", b"poll-request")):
        assert msgspec.json.decode(await process_message(world.ctx, data))["resourceType"] == "OperationOutcome"


async def test_nobody_reads_the_simulator_s_memory(world: World) -> None:
    await process_message(world.ctx, world.message())
    async with world.ctx.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM nphieslinc.simulator_inbox") == 0


# A hub over HTTP -------------------------------------------------------------------------------------------------


def configured(ctx: Context, client: httpx.AsyncClient | None = None, **settings: Any) -> Context:
    """The same context with other settings of this agent, and another HTTP client where one is given."""
    registry = replace(
        ctx.services.registry, configs=dict(ctx.services.registry.configs) | {"nphieslinc": Config(**settings)}
    )
    services = replace(ctx.services, registry=registry, http=client or ctx.services.http)
    return Context("nphieslinc", services, ctx.principal)


def over_http(world: World, answer: Callable[[httpx.Request], httpx.Response]) -> Context:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return configured(world.ctx, client, hub="https://hub.example/$process-message")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    monkeypatch.setattr(hub, "backoff", lambda _: timedelta(0))


async def test_connection_faults_and_server_faults_are_tried_again_with_the_same_bytes(world: World) -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        if len(seen) == 1:
            raise httpx.ConnectError("refused")
        return httpx.Response(503 if len(seen) == 2 else 200, content=b"{}")

    assert await hub.send(over_http(world, answer), b"message") == b"{}"
    assert seen == [b"message"] * 3


@pytest.mark.parametrize("status", [200, 400, 422])
async def test_whatever_else_comes_back_is_the_answer(world: World, status: int) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["content-type"])
        return httpx.Response(status, content=b"raw")

    assert await hub.send(over_http(world, answer), b"message") == b"raw"
    assert seen == ["application/fhir+json"]


async def test_the_budget_of_tries_ends(world: World) -> None:
    seen: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(1)
        return httpx.Response(500)

    with pytest.raises(HubUnreachable, match="3 tries"):
        await hub.send(over_http(world, answer), b"message")
    assert len(seen) == 3


async def test_a_hub_that_is_away_leaves_the_claim_to_be_sent_again(world: World) -> None:
    step = await submitted(world, world.message())

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("away")

    with pytest.raises(Retry):
        await exchange.submit_claim(over_http(world, answer), step)
    row = await exchange_row(world, step)
    assert (row["state"], row["answer_message_id"]) == ("sent", None)
    assert "ConnectTimeout" in row["error"]
    await exchange.submit_claim(world.ctx, step)
    assert (await exchange_row(world, step))["state"] == "answered"


@pytest.mark.parametrize(
    "settings",
    [
        {"hub": ""},
        {"hub": "http://hub.example"},
        {"client_certificate": "a.pem"},
        {"deadline_seconds": 0.0},
        {"attempts": 0},
        {"hubb": "x"},
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"hub": "simulator"} | settings, Config)
