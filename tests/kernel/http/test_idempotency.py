"""One effect a key: over a real database, with a route of the test's own."""

import asyncio
import json
from contextvars import Context as Empty
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar, Request, Response, post
from litestar.config.app import AppConfig
from litestar.params import JSONBody
from msgspec import Struct

from masterlinc.context import Context
from masterlinc.errors import Invalid, Unavailable
from masterlinc.http import idempotency, install
from masterlinc.http.idempotency import forget_expired, idempotent, idempotent_call
from masterlinc.idempotency import Answer, KeyInFlight, RequestKey, keep, take
from masterlinc.ids import new_id
from masterlinc.money import Money
from masterlinc.settings import HttpSettings
from masterlinc.testing import FixedClock
from masterlinc.wire import encode


class Payment(Struct, forbid_unknown_fields=True):
    amount: Money


class Paid(Struct):
    number: int
    amount: Money


class House:
    """Two users and a route that pays, in steps or in one call: each payment is an audit row."""

    def __init__(self, services, make_principal, in_one: bool) -> None:
        self.refuses = self.away = False
        self.services, self.ctx = services, Context("toy", services, make_principal())
        self.others = [Context("toy", services, make_principal()) for _ in range(2)]
        self.by = self.ctx
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.gate.set()

        @post("/pay/{to:str}")
        async def pay(data: JSONBody[Payment], request: Request[Any, Any, Any]) -> Response[bytes]:
            if in_one:
                return await idempotent_call(self.by, request, lambda key: self.pay_in_one(data, key))
            return await idempotent(self.by, request, lambda: self.pay(data))

        @post("/strict")
        async def strict(data: JSONBody[Payment], request: Request[Any, Any, Any]) -> Response[bytes]:
            return await idempotent(self.by, request, lambda: self.pay(data), required=True)

        app = Litestar.from_config(
            install(AppConfig(route_handlers=[pay, strict], openapi_config=None), HttpSettings())
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    async def pay(self, data: Payment) -> Paid:
        if data.amount == 13 or self.refuses:
            raise Invalid("Not thirteen", "ليس ثلاثة عشر")
        if self.away:
            raise Unavailable
        ctx = self.by
        async with ctx.transaction() as transaction:
            transaction.audit("pay", "payment", "1", organization_id=ctx.principal.organization_id)
        self.entered.set()
        await self.gate.wait()
        return Paid(await self.count(), data.amount)

    async def pay_in_one(self, data: Payment, key: RequestKey | None) -> Answer:
        """What a call of one statement does by itself: check, take the key, pay, keep the answer."""
        if key is None:
            return Answer(201, encode(await self.pay(data)))
        if data.amount == 13 or self.refuses:
            raise Invalid("Not thirteen", "ليس ثلاثة عشر")
        async with self.by.transaction() as transaction:
            kept = await take(self.by, transaction, key)
            if kept is not None:
                return kept
            answer = Answer(201, encode(await self.pay(data)))
            await keep(self.by, transaction, key, answer)
            return answer

    async def count(self) -> int:
        async with self.services.db.transaction(self.by.principal.organizations) as transaction:
            return await transaction.fetchval("SELECT count(*) FROM masterlinc.idempotency")

    async def effects(self) -> int:
        async with self.by.transaction() as transaction:
            return await transaction.fetchval(
                "SELECT count(*) FROM masterlinc.audit_event WHERE organization_id = $1",
                self.by.principal.organization_id,
            )

    async def send(self, amount: str, *keys: str, path: str = "/pay/x") -> httpx.Response:
        headers = [("Content-Type", "application/json"), *(("Idempotency-Key", key) for key in keys)]
        return await self.http.post(path, content='{"amount":' + amount + "}", headers=headers)


@pytest_asyncio.fixture(loop_scope="session", params=[False, True], ids=["steps", "one call"])
async def house(request, kernel, make_principal):
    return House(await kernel(), make_principal, request.param)


async def test_a_repeated_request_is_answered_from_what_was_kept(house):
    first = await house.send("5", "key 1")
    again = await house.send("5", "key 1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content == b'{"number":0,"amount":5.00}'
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await house.effects() == 1


async def test_attack_106_parallel_requests_with_one_key_have_one_effect(house):
    answers = await asyncio.gather(*(house.send("5", "storm") for _ in range(100)))
    codes = {answer.status_code for answer in answers}
    assert codes <= {201, 409, 503}
    assert 201 in codes
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await house.effects() == 1


async def test_a_request_that_is_still_at_work_turns_the_next_one_away(house):
    house.gate.clear()
    first = asyncio.create_task(house.send("5", "slow"))
    await house.entered.wait()
    second = await house.send("5", "slow")
    house.gate.set()
    assert second.status_code == 409
    assert second.json()["code"] == "idempotency-key-in-flight"
    assert second.headers["retry-after"] == "1"
    assert (await first).status_code == 201


async def test_attack_107_a_key_with_another_request_is_invalid(house):
    await house.send("5", "k")
    for other in (await house.send("6", "k"), await house.send("5.0", "k"), await house.send("5", "k", path="/pay/y")):
        assert other.status_code == 422
        assert other.json()["code"] == "idempotency-key-reused"
    assert await house.effects() == 1


async def test_attack_108_keys_of_others_and_of_other_routes_are_independent(house):
    await house.send("5", "k")
    assert (await house.send("5", "k", path="/strict")).headers.get("Idempotency-Replayed") is None
    for other in house.others:
        house.by = other
        assert (await house.send("5", "k")).headers.get("Idempotency-Replayed") is None
        assert await house.effects() == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ك", "a\tb", "a\x00"])
async def test_attack_109_a_key_has_1_to_255_printable_characters(house, key):
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key.encode())]
    answer = await house.http.post("/pay/x", content=b'{"amount":5}', headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency-key-malformed"
    assert await house.effects() == 0


async def test_attack_109_two_keys_or_none_where_one_is_needed(house):
    assert (await house.send("5", "a", "b")).status_code == 400
    assert (await house.send("5", path="/strict")).json()["code"] == "idempotency-key-missing"
    assert (await house.send("5")).status_code == 201
    assert (await house.send("5")).status_code == 201
    assert await house.effects() == 2


async def test_a_refused_request_keeps_nothing_and_may_be_tried_again(house):
    assert (await house.send("13", "k")).status_code == 422
    assert (await house.send("5", "k")).status_code == 201


async def test_attack_112_after_its_time_a_key_is_new(house):
    clock = FixedClock(house.services.clock.now())
    house.services.clock = clock
    await house.send("5", "k")
    clock.advance(timedelta(hours=23))
    assert (await house.send("5", "k")).headers.get("Idempotency-Replayed") == "true"
    clock.advance(timedelta(hours=1))
    assert (await house.send("6", "k")).status_code == 201
    assert await house.effects() == 2


async def test_kept_answers_are_sealed_and_forgotten(house):
    house.services.clock = FixedClock(house.services.clock.now() - timedelta(days=3))
    await house.send("5", "old")
    async with house.by.transaction() as transaction:
        kept = await transaction.fetchval("SELECT response FROM masterlinc.idempotency")
    assert b"amount" not in kept
    assert await house.count() == 1
    assert json.loads((await house.send("5", "old")).content)["amount"] == 5
    house.services.clock.advance(timedelta(days=3))
    await house.send("7", "new")
    assert await forget_expired(house.services.db, house.services.clock.now()) == 1
    assert await house.count() == 1


async def test_a_key_belongs_to_one_transaction_and_its_answer_to_all_after_the_commit(house):
    key = RequestKey(house.ctx.principal.organization_id, new_id(), "POST /x", bytes(32), bytes(32))
    answer = Answer(201, b"{}")

    async def beside():
        async with house.ctx.transaction() as transaction:
            return await take(house.ctx, transaction, key)

    async with house.ctx.transaction() as transaction:
        assert await take(house.ctx, transaction, key) is None
        await keep(house.ctx, transaction, key, answer)
        with pytest.raises(KeyInFlight):
            await asyncio.create_task(beside(), context=Empty())
    assert await beside() == replace(answer, replayed=True)


async def test_what_is_wrong_by_now_is_answered_as_it_was_when_it_was_right(house):
    first = await house.send("5", "k")
    house.refuses = True
    again = await house.send("5", "k")
    assert (again.status_code, again.content) == (201, first.content)
    assert (await house.send("6", "k")).json()["code"] == "idempotency-key-reused"
    assert (await house.send("6", "another")).status_code == 422


async def test_a_fault_of_ours_is_told_at_once(house):
    house.away = True
    assert (await house.send("5", "k")).status_code == 503
    house.away = False
    assert (await house.send("5", "k")).status_code == 201


async def test_expired_answers_are_forgotten_while_the_application_runs(house, monkeypatch):
    house.services.clock = FixedClock(house.services.clock.now() - timedelta(days=3))
    await asyncio.gather(*(house.send("5", f"key {number}") for number in range(3)))
    house.services.clock.advance(timedelta(days=3))
    monkeypatch.setattr(idempotency, "_SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(idempotency, "_BATCH", 2)
    async with idempotency.tidied(house.services.db, house.services.clock), asyncio.timeout(10):
        while await house.count():
            await asyncio.sleep(0)


async def test_tidying_outlives_a_database_that_is_away(house, monkeypatch, caplog):
    failed = asyncio.Event()

    async def away(*_):
        failed.set()
        raise OSError

    monkeypatch.setattr(idempotency, "_SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(idempotency, "forget_expired", away)
    async with idempotency.tidied(house.services.db, house.services.clock), asyncio.timeout(10):
        await failed.wait()
        failed.clear()
        await failed.wait()
    assert "idempotency not tidied" in caplog.text
