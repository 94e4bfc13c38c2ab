"""Whom a claim names: registered patients and practitioners, local numbers, and life without doctorlinc."""

from dataclasses import replace

from claim_builders import NATIONAL_ID_OF_SARA
from claim_parties import make_parties

from claimlinc.contract import Identifier, LoadClaim, LoadedClaim
from doctorlinc import service as people
from masterlinc import ids
from masterlinc.identity import NATIONAL_ID
from masterlinc.ids import new_id, show
from masterlinc.testing import bearer, client_of

CLAIM = {"provider_id": "PROV-001", "service_code": "83600-00-10", "amount": 200, "service_date": "2026-03-10"}


async def submitted(client, running, parties, **changes):
    headers = bearer(running, parties.provider.principal)
    answer = await client.post("/api/v1/claims/submit", json=CLAIM | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return await parties.provider.call(LoadClaim(ids.parse("CLM", answer.json()["claim_id"])), LoadedClaim)


async def register(client, running, parties):
    form = {
        "name": "Sara Ali",
        "name_ar": "سارة علي",
        "date_of_birth": "1990-01-01",
        "gender": "female",
        "national_id": NATIONAL_ID_OF_SARA,
        "medical_record_number": f"MRN-{new_id().hex[-8:]}",
        "policy_number": parties.policy_number,
        "payer_license": parties.payer_license,
        "member_number": parties.member_number,
    }
    headers = bearer(running, make_staff(parties))
    answer = await client.post("/api/v1/patients", json=form, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def make_staff(parties):
    return replace(parties.provider.principal, roles=frozenset({"doctor"}))


async def test_a_registered_patient_brings_name_identifiers_and_cover(client, running, parties):
    patient = await register(client, running, parties)
    for reference in (patient["patient_id"], patient["medical_record_number"], NATIONAL_ID_OF_SARA):
        loaded = await submitted(client, running, parties, patient_id=reference)
        submission = loaded.submission
        assert submission.patient_id == ids.parse("PAT", patient["patient_id"])
        assert submission.subject.name == "Sara Ali"
        assert Identifier(NATIONAL_ID, NATIONAL_ID_OF_SARA) in submission.subject.identifiers
        assert submission.cover.policy_number == parties.policy_number
        assert submission.cover.member_id == parties.member_number
        assert loaded.payer_organization_id == parties.payer_id


async def test_anothers_patient_is_unknown_here(client, running, parties, make_principal):
    patient = await register(client, running, parties)
    other = await make_parties(running, make_principal)
    headers = bearer(running, other.provider.principal)
    body = CLAIM | {"patient_id": patient["patient_id"]}
    answer = await client.post("/api/v1/claims/submit", json=body, headers=headers)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["patient_id"]


async def test_a_practitioner_who_is_named_joins_the_care_team(client, running, parties):
    doctor = running.context("doctorlinc", parties.provider.principal)
    license_number = f"P-{new_id().hex[-10:]}".upper()
    await people.register_practitioner(
        doctor, license_=license_number, name="Dr. Amal", name_ar="د. أمل", specialty="08.00"
    )
    loaded = await submitted(client, running, parties, patient_id="7", provider_id=license_number)
    (member,) = loaded.submission.care_team
    assert (member.license, member.role, member.name) == (license_number, "primary", "Dr. Amal")
    assert loaded.submission.provider_license == parties.provider_license


async def test_without_doctorlinc_every_patient_number_is_the_providers_own(run_app, make_principal):
    alone = await run_app(doctorlinc={"enabled": False})
    parties = await make_parties(alone, make_principal)
    async with client_of(alone) as client:
        reference = show("PAT", new_id())
        loaded = await submitted(client, alone, parties, patient_id=reference)
    assert loaded.submission.patient_id is None
    assert [one.value for one in loaded.submission.subject.identifiers] == [reference]
