"""Values at and beyond what a claim can hold: refused with their path, never a fault of ours."""

import random
import string

import pytest

from masterlinc.ids import new_id
from masterlinc.testing import bearer

LINE = {"service_code": "83600-00-10", "unit_price": 10, "service_date": "2026-03-10"}
# Text that an index cannot shorten.
LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=9000))


@pytest.fixture
def headers(running, parties):
    return bearer(running, parties.provider.principal)


async def submit(client, headers, **changes):
    form = {"patient_id": "P1", "claim_type": "professional", "notes": new_id().hex, "lines": [LINE]} | changes
    return await client.post("/api/v1/claims/submit", json=form, headers=headers)


async def refused(client, headers, path, **changes):
    answer = await submit(client, headers, **changes)
    assert answer.status_code == 422, answer.text
    assert path in {error["path"] for error in answer.json()["errors"]}, answer.text


@pytest.mark.parametrize("number", [LONG, "n" * 129, "a\u0007b", "a\u202eb", "  "])
async def test_a_claim_number_is_a_short_plain_text(client, headers, number):
    await refused(client, headers, "claim_number", claim_number=number)


@pytest.mark.parametrize("name", ["provider_id", "payer_id", "patient_id"])
async def test_a_reference_is_a_short_plain_text(client, headers, name):
    await refused(client, headers, name, **{name: LONG})


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("related[0].system", {"related": [{"claim_number": "1", "system": LONG}]}),
        ("related[0].relationship", {"related": [{"claim_number": "1", "relationship": LONG}]}),
        ("diagnoses[0].type", {"diagnoses": [{"code": "J06.9", "type": LONG}]}),
        ("lines[0].surfaces[0]", {"lines": [LINE | {"surfaces": [LONG]}]}),
        ("patient.birth_date", {"patient": {"name": "A", "birth_date": "0001-01-01"}}),
        ("patient.birth_date", {"patient": {"name": "A", "birth_date": "9999-12-31"}}),
    ],
)
async def test_every_text_and_date_has_its_bounds(client, headers, path, changes):
    await refused(client, headers, path, **changes)


@pytest.mark.parametrize("sequence", [2**31, 2**63, 10**30, -1, 0])
@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("lines", LINE),
        ("diagnoses", {"code": "J06.9"}),
        ("care_team", {"name": "A"}),
        ("supporting_info", {"category": "info"}),
    ],
)
async def test_a_sequence_is_a_positive_integer_of_fhir(client, headers, name, one, sequence):
    await refused(client, headers, f"{name}[0].sequence", **{name: [one | {"sequence": sequence}]})


@pytest.mark.parametrize(
    "day",
    [
        "0001-01-01",
        "9999-12-31",
        "1447-05-02",  # a Hijri date
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2026-02-30",
        "2026-W05-1",
        "20260131",
        "٢٠٢٦-٠١-٠١",
    ],
)
async def test_a_service_date_is_a_gregorian_day_of_our_time(client, headers, day):
    await refused(client, headers, "lines[0].service_date", lines=[LINE | {"service_date": day}])
    await refused(client, headers, "service_date", lines=None, service_code="X", amount=1, service_date=day)


@pytest.mark.parametrize(
    "day", ["2026-03-10", "2026-03-10T23:30:00Z", "2026-03-10 08:00", "2026-03-10T08:00:00.5+03:00"]
)
async def test_the_ways_in_which_clients_write_a_day(client, headers, day):
    assert (await submit(client, headers, lines=[LINE | {"service_date": day}])).status_code == 201
