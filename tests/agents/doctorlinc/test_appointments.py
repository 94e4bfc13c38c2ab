import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from authlinc.contract import OrganizationKind
from authlinc.service.directory import License, NewOrganization, create_organization
from doctorlinc import appointments, service
from doctorlinc.appointments import Hours
from doctorlinc.errors import (
    HoursOverlap,
    OutsideSchedule,
    PatientBusy,
    PatientUnknown,
    PractitionerBusy,
    ProviderUnknown,
)
from masterlinc import ids
from masterlinc.errors import Conflict, Invalid
from masterlinc.identity import PROVIDER_LICENSE

MONDAY = "2026-03-02"


@pytest.fixture
async def doctor(ctx):
    return await service.register_practitioner(ctx, license_="N-P-1", name="Dr. One", name_ar=None, specialty="08.00")


@pytest.fixture
async def patient(ctx, patient_form):
    return (await service.register_patient(ctx, patient_form(medical_record_number="M-1"))).patient_id


@pytest.fixture
def book(ctx, appointment_form):
    async def make(**changes):
        return await appointments.book_appointment(ctx, appointment_form(**changes))

    return make


async def count(ctx):
    async with ctx.transaction() as tx:
        return await tx.fetchval("SELECT count(*) FROM doctorlinc.appointment")


async def test_a_naive_time_is_riyadh_time_and_lasts_half_an_hour(book, patient):
    booked = await book(patient_id=patient, notes="first visit\nbring reports")
    assert booked.appointment_id.startswith("APT-")
    assert (booked.patient_id, booked.provider_id, booked.status) == (patient, "PROV-001", "scheduled")
    assert (booked.appointment_date, booked.notes) == ("2026-03-02T09:30:00", "first visit\nbring reports")
    assert booked.starts_at.astimezone(UTC) == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert booked.ends_at - booked.starts_at == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("2026-03-02T06:30:00Z", (6, 30)),
        ("2026-03-02T09:30:00+03:00", (6, 30)),
        ("2026-03-02T09:30", (6, 30)),
        ("2026-03-02 09:30:00.250", (6, 30)),
    ],
)
async def test_times_keep_their_zone(book, patient, typed, utc):
    booked = await book(patient_id=patient, appointment_date=typed)
    assert (booked.starts_at.astimezone(UTC).hour, booked.starts_at.minute) == utc


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("2026-02-28T08:00:00", "past"),
        ("2028-04-01T08:00:00", "far"),
        ("9999-12-31T23:59:59", "far"),
        ("0001-01-01T00:00:00", "past"),
        ("1447-09-12T10:00:00", "past"),
        ("2026-03-02", "time"),
        ("2026-03-02T24:00:00", "time"),
        ("2026-03-02T10:60:00", "time"),
        ("2026-02-30T10:00:00", "time"),
        ("2026-03-02T10:00:00+25:00", "time"),
        ("٢٠٢٦-٠٣-٠٢T10:00:00", "time"),
        ("infinity", "time"),
        ("", "time"),
    ],
)
async def test_impossible_times_are_refused(book, patient, typed, code):
    with pytest.raises(Invalid) as caught:
        await book(patient_id=patient, appointment_date=typed)
    assert [(error.path, error.code) for error in caught.value.errors] == [("appointment_date", code)]


async def test_every_fault_of_a_form_is_named(book, patient):
    with pytest.raises(Invalid) as caught:
        await book(
            patient_id=patient,
            provider_id="a\0",
            appointment_date="soon",
            appointment_type=" ",
            notes="a\0",
            duration_minutes=0,
        )
    assert {error.path for error in caught.value.errors} == {
        "provider_id",
        "appointment_date",
        "appointment_type",
        "notes",
        "duration_minutes",
    }


async def test_yesterday_may_still_be_written_down(book, patient):
    assert await book(patient_id=patient, appointment_date="2026-02-28T13:00:00")


async def test_a_practitioner_is_named_by_key_or_license(ctx, book, doctor, patient):
    await book(patient_id=patient, provider_id=ids.show("PRA", doctor), appointment_date=f"{MONDAY}T08:00:00")
    await book(patient_id="M-1", provider_id="N-P-1", appointment_date=f"{MONDAY}T09:00:00")
    await book(
        patient_id=patient,
        provider_id=ids.show("ORG", ctx.principal.organization_id),
        appointment_date=f"{MONDAY}T10:00:00",
    )
    async with ctx.transaction() as tx:
        rows = await tx.fetch("SELECT practitioner_id FROM doctorlinc.appointment ORDER BY starts_at")
    assert [row["practitioner_id"] for row in rows] == [doctor, doctor, None]


async def test_practitioners_and_patients_of_others_do_not_exist(
    ctx, other_ctx, appointment_form, doctor, patient, patient_form
):
    stranger = other_ctx
    own = (await service.register_patient(stranger, patient_form())).patient_id
    for reference in [patient, "M-1", ids.show("PAT", ids.new_id()), "PAT-1", "", "nobody"]:
        with pytest.raises(PatientUnknown):
            await appointments.book_appointment(stranger, appointment_form(patient_id=reference))
    providers = [
        ids.show("PRA", doctor),
        ids.show("ORG", ctx.principal.organization_id),
        ids.show("ORG", ids.new_id()),
        ids.show("CLM", ids.new_id()),
        "PRA-1",
    ]
    for reference in providers:
        with pytest.raises(ProviderUnknown):
            await appointments.book_appointment(stranger, appointment_form(patient_id=own, provider_id=reference))
    # Another clinic's practitioner licence is no licence here: the words of a first client, so its own organization.
    await appointments.book_appointment(stranger, appointment_form(patient_id=own, provider_id="N-P-1"))
    assert await count(ctx) == 0


async def test_a_licence_names_the_own_organization_or_one_that_is_unknown_here(
    ctx_for, make_principal, running, appointment_form, patient_form
):
    license_ = f"T-{ids.new_id().hex}"
    new = NewOrganization(OrganizationKind.PROVIDER, "A Clinic", "عيادة", (License(PROVIDER_LICENSE, license_),))
    made = await create_organization(running.context("authlinc", make_principal("admin")), new)
    for organization in (made.organization_id, ids.new_id()):
        ctx = ctx_for(make_principal("doctor", organization=organization))
        patient = (await service.register_patient(ctx, patient_form())).patient_id
        form = appointment_form(patient_id=patient, provider_id=license_)
        if organization == made.organization_id:
            await appointments.book_appointment(ctx, form)
        else:
            with pytest.raises(ProviderUnknown):
                await appointments.book_appointment(ctx, form)


async def test_a_practitioner_sees_one_patient_at_a_time(ctx, book, doctor, patient, patient_form):
    other = (await service.register_patient(ctx, patient_form(name="Sara Khan"))).patient_id
    await book(patient_id=patient, provider_id="N-P-1", appointment_date=f"{MONDAY}T09:30:00")
    for clash in ["09:15", "09:30", "09:45"]:
        with pytest.raises(PractitionerBusy) as caught:
            await book(patient_id=other, provider_id="N-P-1", appointment_date=f"{MONDAY}T{clash}:00")
        assert caught.value.status == 409
        assert not caught.value.detail_ar.isascii()
    for free in ["09:00", "10:00"]:
        await book(patient_id=other, provider_id="N-P-1", appointment_date=f"{MONDAY}T{free}:00")
    assert await count(ctx) == 3


async def test_a_patient_is_in_one_place_at_a_time(book, doctor, patient):
    await book(patient_id=patient, appointment_date=f"{MONDAY}T09:30:00", duration_minutes=60)
    with pytest.raises(PatientBusy):
        await book(patient_id=patient, provider_id="N-P-1", appointment_date=f"{MONDAY}T10:15:00")


async def test_organizations_do_not_constrain_each_other(book, other_ctx, patient, patient_form, appointment_form):
    await book(patient_id=patient)
    own = (await service.register_patient(other_ctx, patient_form())).patient_id
    assert await appointments.book_appointment(other_ctx, appointment_form(patient_id=own))


async def test_fifty_clients_race_for_one_slot_and_one_wins(ctx, book, doctor, patient_form):
    racing = [
        (await service.register_patient(ctx, patient_form(name=f"Patient {chr(65 + number % 26)}"))).patient_id
        for number in range(50)
    ]
    answers = await asyncio.gather(
        *(
            book(patient_id=patient, provider_id="N-P-1", appointment_date=f"{MONDAY}T09:{number % 20:02d}:00")
            for number, patient in enumerate(racing)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert sum(isinstance(answer, PractitionerBusy) for answer in answers) == 49
    assert await count(ctx) == 1


async def test_one_patient_races_with_themselves(ctx, book, patient):
    answers = await asyncio.gather(*(book(patient_id=patient) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(answer, Conflict) for answer in answers) == 1
    assert await count(ctx) == 1


async def test_a_schedule_bounds_what_can_be_booked(ctx, book, doctor, patient):
    await appointments.set_schedule(ctx, doctor, [Hours(1, 9 * 60, 12 * 60, 20), Hours(1, 16 * 60, 20 * 60, 15)])
    booked = await book(patient_id=patient, provider_id="N-P-1", appointment_date=f"{MONDAY}T09:00:00")
    assert booked.ends_at - booked.starts_at == timedelta(minutes=20)
    await book(patient_id=patient, provider_id="N-P-1", appointment_date=f"{MONDAY}T19:45:00")
    for closed in [f"{MONDAY}T08:50:00", f"{MONDAY}T11:50:00", f"{MONDAY}T13:00:00", "2026-03-03T09:00:00"]:
        with pytest.raises(OutsideSchedule):
            await book(patient_id=patient, provider_id="N-P-1", appointment_date=closed)
    await appointments.set_schedule(ctx, doctor, [])
    await book(patient_id=patient, provider_id="N-P-1", appointment_date=f"{MONDAY}T13:00:00")


async def test_hours_must_be_possible_and_apart(ctx, doctor):
    for wrong in [Hours(0, 0, 60), Hours(8, 0, 60), Hours(1, 60, 60), Hours(1, 0, 1441), Hours(1, 0, 60, 4)]:
        with pytest.raises(Invalid) as caught:
            await appointments.set_schedule(ctx, doctor, [wrong])
        assert caught.value.errors[0].path == "hours[0]"
    with pytest.raises(HoursOverlap):
        await appointments.set_schedule(ctx, doctor, [Hours(1, 60, 120), Hours(1, 100, 140)])
    with pytest.raises(ProviderUnknown):
        await appointments.set_schedule(ctx, ids.new_id(), [])


async def test_booking_is_audited_and_published_without_health_data(ctx, book, patient):
    booked = await book(patient_id=patient, notes="chest pain")
    key = ids.parse("APT", booked.appointment_id)
    async with ctx.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM doctorlinc.appointment WHERE id = $1", key)
        audited = await tx.fetchrow(
            "SELECT * FROM masterlinc.audit_event WHERE resource_id = $1", booked.appointment_id
        )
        payload = await tx.fetchval("SELECT payload::text FROM masterlinc.event WHERE aggregate = $1", key)
    assert b"chest" not in row["notes"]
    assert audited["patient"] == ids.parse("PAT", patient)
    assert str(key) in payload
    assert "chest" not in payload + repr(audited)
