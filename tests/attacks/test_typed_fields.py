"""Nasty texts through every text field of every body: what is taken comes back as it was sent, the rest is refused."""

import asyncio
import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from bodies import EVERYBODY, Maker, operations, put, shapes
from corpus import CORPUS

from masterlinc.ids import new_id
from masterlinc.text import ascii_digits

# Every eleventh text to each field, another eleventh to the next one; `make chaos` sends all to all.
EVERY = int(os.environ.get("ATTACK_EVERY", "11"))
SLOW = {"/api/v1/auth/login"}  # a password is hashed for each
AT_ONCE = 8
HALF_A_PAIR = re.compile("[\ud800-\udfff]")  # no text, and no UTF-8 either
FLAT = {"patient_id": "PAT-001", "provider_id": "PROV-001", "service_code": "83600-00-10", "amount": 150}
FULL = {
    "patient_id": "PAT-001",
    "payer_id": "7001",
    "patient": {"name": "Sara Ali", "birth_date": "1990-01-01"},
    "lines": [{"service_code": "83600-00-10", "unit_price": 100}],
    "diagnoses": [{"code": "J06.9"}],
}
PATIENT = {"name": "Sara Ali", "date_of_birth": "1990-01-01", "gender": "female"}


@pytest.fixture
async def caller(house):
    return house.caller(*EVERYBODY, home=house.parties.provider_id)


@pytest.fixture
async def known(house, caller):
    patient = (await caller.send("POST", "/api/v1/patients", PATIENT)).json()["patient_id"]
    booking = {"patient_id": patient, "provider_id": "PROV-001", "appointment_type": "consultation"}
    soon = (datetime.now(UTC) + timedelta(days=21)).date().isoformat()
    return {
        "POST /api/v1/claims/submit": [FLAT, FULL],
        "POST /api/v1/patients": [PATIENT],
        "POST /api/v1/appointments": [booking | {"appointment_date": f"{soon}T09:30:00"}],
    }


def shares(places: list[Any]) -> list[tuple[Any, list[str]]]:
    """Hand each place its share of the texts."""
    return [(place, CORPUS[number % EVERY :: EVERY]) for number, place in enumerate(places)]


def somebody(path: str) -> str:
    """Put a well-formed key of nobody where a path wants one."""
    return re.sub(r"\{\w+\}", "WFL-" + "0" * 26, path)


def as_sent(text: str, shown: Any) -> bool:
    """Whether an answer shows a text as it came, but for outer spaces and, in numbers, the script of the digits."""
    return not isinstance(shown, str) or shown in {text, text.strip(), ascii_digits(text).strip()}


async def test_cases_62_78_101_103_every_text_through_every_field(house, caller, known):
    document = shapes(house.running.app)
    maker, broken, changed, taken = Maker(document, known), [], [], set()

    async def send(method: str, path: str, body: Any, leaf: tuple[Any, ...], text: str) -> None:
        answer = await caller.send(method, somebody(path), body)
        where = (method, path, leaf, ascii(text)[:60], answer.status_code)
        # 501 is what is not set up here, as a server of mail
        if (answer.status_code >= 500 and answer.status_code != 501) or "json" not in answer.headers["content-type"]:
            broken.append(where)
        elif answer.status_code < 300:
            taken.add(path)
            shown = answer.json()
            if len(leaf) == 1 and isinstance(shown, dict) and not as_sent(text, shown.get(leaf[0])):
                changed.append((*where, ascii(shown[leaf[0]])[:60]))

    for method, path, schema in operations(document):
        for body in maker.bodies(f"{method} {path}", schema):
            for leaf, texts in shares(list(maker.texts(schema))):
                some = texts[:5] if path in SLOW else texts
                for first in range(0, len(some), AT_ONCE):
                    batch = some[first : first + AT_ONCE]
                    await asyncio.gather(
                        *(send(method, path, put(body, leaf, text, maker, schema), leaf, text) for text in batch)
                    )
    assert broken == []
    assert changed == []
    assert taken >= {"/api/v1/claims/submit", "/api/v1/patients", "/api/v1/appointments", "/api/v1/message/route"}


async def test_cases_101_to_103_a_name_is_kept_as_typed_or_refused(caller):
    for text in CORPUS:
        made = await caller.send("POST", "/api/v1/patients", PATIENT | {"name": text})
        if made.status_code == 201:
            key = made.json()["patient_id"]
            shown = (await caller.send("GET", f"/api/v1/patients/{key}")).json()
            assert shown["name"] == text.strip()
        elif HALF_A_PAIR.search(text):
            assert made.status_code == 400
        else:
            assert made.status_code == 422, ascii(text)
            assert {fault["path"] for fault in made.json()["errors"]} == {"name"}


async def test_cases_62_64_70_messages_carry_any_text_unchanged(caller):
    for text in CORPUS[::3]:
        message = {
            "sender_id": "claimlinc",
            "receiver_id": "policylinc",
            "message_type": "note",
            "content": {"t": text},
        }
        sent = await caller.send("POST", "/api/v1/message/route", message)
        if sent.status_code >= 400:
            assert sent.status_code in {400, 422}, ascii(text)
            assert HALF_A_PAIR.search(text) or "\0" in text, ascii(text)
            continue
        path = f"/api/v1/messages/{sent.json()['message_id']}"
        assert (await caller.send("GET", path, Accept="text/html")).status_code == 406
        shown = await caller.send("GET", path)
        assert shown.json()["content"] == {"t": text}
        assert shown.headers["content-type"] == "application/json"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in shown.headers["content-security-policy"]


async def test_case_62_searches_take_every_text_as_a_text(caller):
    """Wildcards, quotes and operators of SQL are letters here: they find nobody but who is called so."""
    name = f"Percent {new_id().hex}"
    await caller.send("POST", "/api/v1/patients", PATIENT | {"name": name})
    for text in CORPUS:
        if HALF_A_PAIR.search(text) or len(text) > 2_000:
            continue  # no such query can be sent
        answer = await caller.http.get("/api/v1/patients", params={"search": text}, headers=caller.headers)
        assert answer.status_code in {200, 400, 422}, ascii(text)
        if answer.status_code == 200 and text.strip("%_ ") == "" and text.strip():
            assert name not in {one["name"] for one in answer.json()["patients"]}


async def test_case_62_lists_and_paths_take_every_text_as_a_text(house, caller):
    places = [
        (path, one["name"], one["in"])
        for path, methods in shapes(house.running.app)["paths"].items()
        for one in methods.get("get", {}).get("parameters", [])
        if one["in"] in {"path", "query"}
    ]
    broken = []
    for (path, name, kind), texts in shares(places):
        for text in texts:
            written = quote(text.encode("utf-8", "surrogatepass"), safe="")
            if len(written) > 20_000:
                continue
            url = somebody(path.replace(f"{{{name}}}", written) if kind == "path" else f"{path}?{name}={written}")
            answer = await caller.send("GET", url)
            if answer.status_code >= 500:
                broken.append((path, name, ascii(text)[:60], answer.status_code))
    assert len(places) > 20
    assert broken == []
