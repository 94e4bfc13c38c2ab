"""Cases 166 and 168: what is planted in all main ways, good and bad, shows up in no log, header, error or clear row."""

import inspect
import logging
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from canaries import EXAMPLE, Canaries, Witness, hits, in_redis, in_tables
from redis.asyncio import Redis

import claimlinc.queries
import doctorlinc.queries
import sbslinc.queries
from masterlinc.demo import loader
from masterlinc.registry import assemble, discover
from masterlinc.settings import RedisUrl
from masterlinc.testing import MASTER_KEY, Running, settings_for

API = "/api/v1"
OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
NAMES_STAND_IN = ("doctorlinc.", "policylinc.", "claimlinc.", "authlinc.")  # who is searched for by name


class Visitor:
    """Somebody who does everything that can be done, well and badly."""

    def __init__(self, running: Running, http: httpx.AsyncClient, canaries: Canaries) -> None:
        self.running, self.http = running, http
        self.names, self.sealed = canaries.names, canaries.sealed

    async def call(self, method: str, path: str, token: str = "", **more: Any) -> httpx.Response:
        headers = {"User-Agent": self.sealed["user agent"], "X-API-Key": self.sealed["key of a machine"]}
        headers |= {"Cookie": f"session={self.sealed['cookie']}"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        return await self.http.request(method, path, headers=headers | more.pop("headers", {}), **more)

    async def sign_in(self, role: str) -> dict[str, str]:
        body = {"email": f"{role}@demo.masterlinc.test", "password": self.sealed["password"]}
        answer = await self.call("POST", f"{API}/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign_in_badly(self) -> None:
        wrong = {"password": self.sealed["wrong password"]}
        for email in (self.sealed["mail of nobody"], "nurse@demo.masterlinc.test"):
            await self.call("POST", f"{API}/auth/login", json=wrong | {"email": email})
        await self.call("POST", f"{API}/auth/login", json={"email": [self.sealed["mail"]], "password": 1})
        for body in ({"token": self.sealed["token of nobody"]}, {"refresh_token": self.sealed["token of nobody"]}):
            for path in ("verify", "refresh"):
                await self.call("POST", f"{API}/auth/{path}", json=body)

    def patient(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": self.names["patient"],
            "name_ar": self.names["patient in Arabic"],
            "date_of_birth": "1991-07-02",
            "gender": "female",
            "national_id": self.sealed["national id"],
            "passport_number": self.sealed["passport"],
            "contact_phone": self.sealed["phone"],
            "contact_email": self.sealed["mail"],
        } | changes

    async def register(self, token: str) -> str:
        keyed = {"headers": {"Idempotency-Key": self.sealed["key of a request"]}}
        first = await self.call("POST", f"{API}/patients", token, json=self.patient(), **keyed)
        assert first.status_code == 201, first.text
        await self.call("POST", f"{API}/patients", token, json=self.patient(), **keyed)
        wrong = {"name": self.names["patient refused"], "national_id": self.sealed["wrong id"]}
        await self.call("POST", f"{API}/patients", token, json=self.patient(**wrong), **keyed)
        await self.call("POST", f"{API}/patients", token, json=self.patient(**wrong))
        await self.call("POST", f"{API}/patients", token, json=self.patient())
        await self.call("POST", f"{API}/patients", token, json=self.patient(gender=self.names["patient refused"]))
        await self.call("POST", f"{API}/patients", token, json=self.patient(date_of_birth=self.sealed["iqama"]))
        for search in (self.names["patient"], self.sealed["national id"], self.sealed["search"], "\0"):
            await self.call("GET", f"{API}/patients", token, params={"search": search})
        return str(first.json()["patient_id"])

    async def book(self, token: str, patient: str) -> None:
        body = {"patient_id": patient, "provider_id": "N-P-00001", "appointment_date": "2030-01-06T10:00:00"}
        body |= {"appointment_type": "consultation", "notes": self.sealed["note of an appointment"]}
        await self.call("POST", f"{API}/appointments", token, json=body)
        await self.call("POST", f"{API}/appointments", token, json=body | {"appointment_date": body["notes"]})

    def claim(self, **changes: Any) -> dict[str, Any]:
        identifier = {"type": "national_id", "value": self.sealed["national id of a claim"]}
        line = {"service_code": "83600-00-10", "unit_price": 250.00, "service_date": "2026-11-01"}
        return {
            "claim_type": "professional",
            "patient": {
                "name": self.names["patient of a claim"],
                "birth_date": "1991-07-02",
                "gender": "female",
                "phone": self.sealed["phone of a claim"],
                "identifiers": [identifier],
            },
            "payer_id": "N-I-00001",
            "diagnoses": [{"code": "J06.9"}],
            "care_team": [{"name": self.names["doctor of a claim"], "role": "primary"}],
            "lines": [line | {"display": self.names["service of a claim"]}],
            "supporting_info": [{"category": "info", "text": self.sealed["information of a claim"]}],
            "attachments": [
                {"title": self.sealed["attachment of a claim"], "content_type": "text/plain", "data": "eA=="}
            ],
            "notes": self.sealed["note of a claim"],
        } | changes

    async def bill(self, token: str) -> str:
        taken = await self.call("POST", f"{API}/claims/submit", token, json=self.claim())
        assert taken.status_code == 201, taken.text
        refused = {"type": "national_id", "value": self.sealed["national id refused"]}
        person = {"name": self.names["patient refused"], "identifiers": [refused | {"type": "iqama"}]}
        await self.call("POST", f"{API}/claims/submit", token, json=self.claim(patient=person))
        await self.call("POST", f"{API}/claims/submit", token, json=self.claim(total=1, notes=[self.sealed["iqama"]]))
        await self.call("POST", f"{API}/claims/submit", token, json=self.claim(payer_id=self.sealed["wrong id"]))
        await self.call("POST", f"{API}/policies/validate", token, json={"member_id": self.sealed["iqama"]})
        return str(taken.json()["claim_id"])

    async def send_message(self, token: str) -> None:
        text = EXAMPLE.read_text(encoding="utf-8")
        for old, new in (
            ("Huda Majid Alotaibi", self.names["patient of a message"]),
            ("1700001108", self.sealed["national id of a message"]),
            ("+966550070110", self.sealed["phone of a message"]),
            ("Pain since yesterday", self.sealed["note of a message"]),
        ):
            assert old in text
            text = text.replace(old, new)
        for body in (text, text.replace('"Claim"', '"Clam"'), text[:-20], text.replace("2026-", "20٢6-")):
            headers = {"Content-Type": "application/fhir+json"}
            answer = await self.call("POST", f"{API}/nphies/messages", token, content=body.encode(), headers=headers)
            assert answer.status_code == (201 if body == text else answer.status_code), answer.text

    async def orchestrate(self, token: str) -> None:
        for mode, what in (("sync", "message to a task"), ("async", "message to a durable task")):
            body = {"task": "masterlinc.echo", "input": {"message": self.sealed[what]}, "mode": mode}
            answer = await self.call("POST", "/execute", token, json=body)
            assert answer.status_code < 300, answer.text
        await self.call("POST", "/execute", token, json={"task": self.sealed["path"], "input": {}})
        step: dict[str, Any] = {"step_id": "one", "agent_id": "masterlinc", "action": "echo"}
        step |= {"input_data": {"message": self.sealed["input of a workflow"]}}
        wait = {"step_id": "two", "agent_id": "masterlinc", "action": "signal", "input_data": {"name": "go"}}
        body = {"workflow_name": "canary", "steps": [step, wait]}
        made = await self.call("POST", f"{API}/workflow/execute", token, json=body)
        assert made.status_code == 201, made.text
        reason = {"reason": "no longer needed"}  # for who looks after workflows: it is not sealed, and the page says so
        await self.call("POST", f"{API}/workflows/{made.json()['workflow_id']}/cancel", token, json=reason)
        note = {"sender_id": "claimlinc", "receiver_id": "policylinc", "message_type": "note", "priority": 5}
        note |= {"content": {"text": self.sealed["message to an agent"]}}
        sent = await self.call("POST", f"{API}/message/route", token, json=note)
        assert sent.status_code == 201, sent.text

    async def wander(self, token: str) -> None:
        for path in ("/", f"{API}/claims/", f"{API}/patients/PAT-", f"{API}/policies/"):
            await self.call("GET", path + self.sealed["path"], token)
        await self.call("GET", f"{API}/patients", self.sealed["token of nobody"])
        await self.call("GET", f"{API}/patients?access_token={self.sealed['token in an address']}", token)
        await self.call("GET", f"{API}/patients?page={self.sealed['search']}", token)
        for text in ('{"name": "%s', '{"name": "%s"', '{"name": "%s", "name": "x"}', "%s"):
            body = (text % self.names["patient refused"]).encode()
            for kind in ("application/json", "text/plain"):
                await self.call("POST", f"{API}/patients", token, content=body, headers={"Content-Type": kind})


async def limited_account(url: str, password: str) -> str:
    """Make the account at Redis that the page for operators names; returns its address."""
    [words] = re.findall(r"^ACL SETUSER masterlinc on >SECRET (.+)$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    async with Redis.from_url(url) as client:
        await client.flushall()
        await client.execute_command("ACL", "SETUSER", "canary", "reset", "on", f">{password}", *words.split())
        await client.execute_command("ACL", "LOG", "RESET")
    return url.replace("unix://", f"unix://canary:{password}@")


async def refused_commands(url: str) -> list[str]:
    async with Redis.from_url(url) as client:
        return [str(entry) for entry in await client.execute_command("ACL", "LOG") if b"canary" in str(entry).encode()]


@pytest_asyncio.fixture(loop_scope="session")
async def system(run_app, new_database, valkey, tmp_path, monkeypatch):
    """A system with demo people, whose password is a canary, and with Redis."""
    canaries, urls = Canaries(), await new_database()
    redis = await limited_account(valkey.url, canaries.sealed["password of Redis"])
    monkeypatch.setenv("MASTERLINC_DEMO_PASSWORD", canaries.sealed["password"])

    def configure(settings):
        settings.redis.url, settings.redis.stream = RedisUrl(redis), "masterlinc:canaries"
        settings.demo.patients, settings.demo.claims = 4, 2

    lenient = {"strictness": "envelope", "simulator": {"auto_enrol": True, "default_payer": "N-I-00001"}}
    settings = settings_for(urls, nphieslinc=lenient)
    configure(settings)
    await loader.ensure(settings, assemble(settings, *discover()), tmp_path, lambda _: None)
    running = await run_app(urls, configure=configure, nphieslinc=lenient)
    canaries.sealed["master key"] = MASTER_KEY
    canaries.sealed["address of the database"] = urls.app
    return running, canaries, urls


def breaking(monkeypatch: pytest.MonkeyPatch, module: ModuleType, fault: Exception) -> None:
    """Have every query of a module fail with words that quote data, as exceptions of libraries do."""

    async def fail(*_: Any, **__: Any) -> Any:
        raise fault

    for name, function in vars(module).copy().items():
        if inspect.iscoroutinefunction(function) and function.__module__ == module.__name__:
            monkeypatch.setattr(module, name, fail)


async def fail_inside(visitor: Visitor, tokens: dict[str, str], patient: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = visitor.sealed
    with monkeypatch.context() as patch:
        breaking(patch, sbslinc.queries, RuntimeError(f"no code for {sealed['fault of a step']}"))
        claim = visitor.claim(notes="a step of this one fails")
        assert (await visitor.call("POST", f"{API}/claims/submit", tokens["billing"], json=claim)).status_code == 201
        await visitor.running.dispatcher.idle()
    violated = asyncpg.UniqueViolationError(f"Key (name)=({sealed['fault of the database']}) already exists.")
    violated.detail = sealed["fault of the database"]
    with monkeypatch.context() as patch:
        breaking(patch, doctorlinc.queries, ValueError(f"invalid literal: '{sealed['fault of a route']}'"))
        breaking(patch, claimlinc.queries, violated)
        for path in ("patients?search=x", f"patients/{patient}", "claims"):
            answer = await visitor.call("GET", f"{API}/{path}", tokens["admin"])
            assert answer.status_code == 500, answer.text
        await visitor.call("POST", f"{API}/patients", tokens["admin"], json=visitor.patient())
        await visitor.call("POST", f"{API}/claims/submit", tokens["billing"], json=visitor.claim(notes="x"))


def log_as_libraries_do(quoted: str) -> None:
    logging.getLogger("httpcore.http11").warning("header %r", quoted)
    logging.getLogger("asyncio").error("Task exception was never retrieved\n" + quoted)  # noqa: G003 - as asyncio does
    logging.getLogger("masterlinc.db").warning("no connection: postgresql://app:%s@db/masterlinc", quoted)


async def do_everything(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Go every way, well and badly; returns the tokens that were given."""
    admin, billing = await visitor.sign_in("admin"), await visitor.sign_in("billing")
    await visitor.sign_in_badly()
    patient = await visitor.register(admin["access_token"])
    await visitor.book(admin["access_token"], patient)
    await visitor.bill(billing["access_token"])
    await visitor.send_message(billing["access_token"])
    await visitor.orchestrate(admin["access_token"])
    await visitor.wander(admin["access_token"])
    await visitor.running.dispatcher.idle()
    log_as_libraries_do(visitor.sealed["log of a library"])
    tokens = {"admin": admin["access_token"], "billing": billing["access_token"]}
    await fail_inside(visitor, tokens, patient, monkeypatch)
    spent = {"refresh_token": billing["refresh_token"]}
    again, refused = [await visitor.call("POST", f"{API}/auth/refresh", json=spent) for _ in range(2)]
    assert (again.status_code, refused.status_code) == (200, 401)
    pairs = {"admin": admin, "billing": billing, "billing again": again.json()}
    return {f"{kind} of {who}": pair[kind] for who, pair in pairs.items() for kind in ("access_token", "refresh_token")}


async def test_cases_166_and_168_forty_canaries_show_up_nowhere(system, postgres, valkey, monkeypatch, capfd):
    running, canaries, urls = system
    assert len(canaries.everything()) >= 40
    witness = Witness()
    transport = httpx.ASGITransport(app=running.app, raise_app_exceptions=False)
    hooks = {"response": [witness.see]}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
        with witness.listening():
            tokens = await do_everything(Visitor(running, http, canaries), monkeypatch)
    secret = canaries.sealed | tokens
    everything = secret | canaries.names
    shown = capfd.readouterr()
    found = [
        *hits("the log", witness.log.getvalue(), everything),
        *hits("standard error", shown.err + shown.out, everything),
        *hits("Redis", await in_redis(valkey.url), everything),
        *(hit for one in witness.headers for hit in hits(f"headers {one[:200]}", one, everything)),
        *(hit for one in witness.refusals for hit in hits(f"the refusal {one[:300]}", one, everything)),
    ]
    database = urls.owner.rpartition("/")[2].partition("?")[0]
    for table, text in (await in_tables(postgres.dsn("superuser", database))).items():
        found += hits(table, text, secret if table.startswith(NAMES_STAND_IN) else everything)
    assert await refused_commands(valkey.url) == []
    assert not found, "\n".join(found)
    assert "request failed" in witness.log.getvalue()
    assert len(witness.refusals) > 20
