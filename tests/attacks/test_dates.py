"""Attack cases of days: what is no Gregorian day of our time is refused wherever a day can be written."""

import json
import re
from typing import Any

import pytest
from bodies import EVERYBODY, Maker, operations, put, shapes
from nphies_messages import REQUESTS, fresh

HIJRI = ("1447-05-02", "1446-09-30", "0001-01-01", "1812-01-01")
IMPOSSIBLE = (
    "2026-02-29",
    "2026-02-30",
    "2026-13-01",
    "2026-00-10",
    "10000-01-01",
    "infinity",
    "٢٠٢٦-٠٣-٠١",
    "20260301",
)
TIMES = ("2026-03-01T24:30:00", "2026-03-01T23:59:60", "2026-03-01T10:00:00+25:00", "2026-03-01T10:00:00+24:00")
LINE = {"service_code": "83600-00-10", "unit_price": 100}
FULL = {"patient_id": "PAT-001", "patient": {"name": "Sara Ali"}, "lines": [LINE]}
BODIES = {
    "POST /api/v1/claims/submit": [FULL],
    "POST /api/v1/patients": [{"name": "Sara Ali", "date_of_birth": "1990-01-01", "gender": "female"}],
}
# Days of a message that nothing is decided by: the claim does not hold them, the message is kept as it came.
KEPT_AS_SENT = {"timestamp", "period", "creation"}


def is_day(name: str, schema: dict[str, Any]) -> bool:
    return schema.get("format", "").startswith("date") or bool(re.search(r"(^|_)(date|day|start|end)($|_)", name))


async def test_cases_096_and_098_no_route_takes_a_hijri_or_impossible_day(house):
    document, caller = shapes(house.running.app), house.caller(*EVERYBODY)
    maker, taken, tried = Maker(document, BODIES), [], 0
    for method, path, schema in operations(document):
        if "{" in path:
            continue
        [body, *_] = maker.bodies(f"{method} {path}", schema)
        for leaf in maker.texts(schema):
            if not is_day(str(leaf[-1]), maker.at(schema, leaf)):
                continue
            for day in (*HIJRI, *IMPOSSIBLE, *TIMES):
                tried += 1
                answer = await caller.send(method, path, put(body, leaf, day, maker, schema))
                if answer.status_code != 422:
                    taken.append((path, leaf, day, answer.status_code, answer.text[:100]))
    assert tried > 100
    assert taken == []


def days(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = [one for key, value in items for one in days(value, (*path, key))]
    return [path] if isinstance(tree, str) and re.match(r"\d{4}-\d\d-\d\d", tree) else found


@pytest.mark.parametrize("name", REQUESTS)
async def test_case_098_no_message_brings_a_hijri_day_into_a_claim(house, name):
    caller = house.caller(*EVERYBODY, home=house.parties.provider_id)
    license_ = {"10000000000011": house.parties.provider_license}
    assert (await caller.send("POST", "/api/v1/nphies/messages", fresh(name, **license_))).status_code == 201
    taken = []
    for path in days(json.loads(fresh(name))):
        message = json.loads(fresh(name, **license_))
        at = message
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = "1447" + at[path[-1]][4:]
        answer = await caller.send("POST", "/api/v1/nphies/messages", json.dumps(message).encode())
        if answer.status_code != 422 and not KEPT_AS_SENT & set(path):
            taken.append((path, answer.status_code))
    assert taken == []
