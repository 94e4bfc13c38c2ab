from datetime import date, timedelta

import asyncpg
import pytest

from doctorlinc import service
from doctorlinc.contract import FindPatient, FindPractitioner, FoundPatient, FoundPractitioner
from doctorlinc.errors import PatientKnown, PractitionerKnown
from masterlinc import ids
from masterlinc.errors import Invalid, NotFound
from masterlinc.identity import BORDER_NUMBER, NATIONAL_ID, make_saudi_id

SAUDI = make_saudi_id("national_id", 4_711)
RESIDENT = make_saudi_id("iqama", 815)
FULL = {
    "name_ar": "أحمد خالد عباس",
    "national_id": SAUDI,
    "border_number": "5555346",
    "medical_record_number": "MRN-00042",
    "contact_phone": "0512345678",
    "contact_email": "ahmad@example.test",
    "payer_license": "10000000046372",
    "policy_number": "POL-77",
    "member_number": "M-9",
}


async def names(ctx, search, **page):
    patients, total = await service.list_patients(ctx, search, **({"limit": 20, "offset": 0} | page))
    assert total >= len(patients)
    return [patient.name for patient in patients]


async def test_a_registered_patient_is_read_back(ctx, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))
    assert made.contact_phone == "+966512345678"
    assert await service.get_patient(ctx, made.patient_id) == made


async def test_what_is_sensitive_is_stored_sealed(ctx, running, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))
    async with ctx.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM doctorlinc.patient WHERE id = $1", ids.parse("PAT", made.patient_id))
        numbers = await tx.fetch("SELECT * FROM doctorlinc.patient_identifier")
    stored = repr([dict(row), *map(dict, numbers)])
    for secret in [SAUDI, "5555346", "00042", "512345678", "ahmad@", "POL-77", "M-9"]:
        assert secret not in stored
    assert len(numbers) == 2


async def test_each_fault_is_named_in_both_languages(ctx, patient_form):
    form = patient_form(
        name="12",
        name_ar="محمد\u202e",
        date_of_birth=date(1447, 5, 2),
        national_id=RESIDENT,
        iqama=SAUDI,
        passport_number="G<1>",
        contact_phone="call me",
        contact_email="nobody",
        medical_record_number="\u200f",
    )
    with pytest.raises(Invalid) as caught:
        await service.register_patient(ctx, form)
    faults = {error.path: error for error in caught.value.errors}
    assert set(faults) == {
        "name",
        "name_ar",
        "date_of_birth",
        "national_id",
        "iqama",
        "passport_number",
        "contact_phone",
        "contact_email",
        "medical_record_number",
    }
    assert all(error.detail.isascii() and not error.detail_ar.isascii() for error in faults.values())


@pytest.mark.parametrize("wrong", ["1000000000", "100000000", "abc", "", "1000000008\u200f", "2000000006"])
async def test_a_keyed_national_id_must_be_valid(ctx, patient_form, wrong):
    with pytest.raises(Invalid) as caught:
        await service.register_patient(ctx, patient_form(national_id=wrong))
    assert [(error.path, error.code) for error in caught.value.errors] == [("national_id", "national-id")]


async def test_arabic_digits_and_spaces_are_taken_as_one_form(ctx, patient_form):
    typed = " ".join("٠١٢٣٤٥٦٧٨٩"[int(digit)] for digit in SAUDI)
    made = await service.register_patient(ctx, patient_form(national_id=typed))
    assert (await ctx.call(FindPatient(SAUDI), FoundPatient)).patient_id == ids.parse("PAT", made.patient_id)


async def test_dates_of_birth_lie_between_1900_and_today(ctx, clock, patient_form):
    born_today = clock.now().date()
    await service.register_patient(ctx, patient_form(date_of_birth=born_today))
    for wrong in [born_today + timedelta(days=1), date(1899, 12, 31), date(1447, 1, 1), date(9999, 12, 31)]:
        with pytest.raises(Invalid):
            await service.register_patient(ctx, patient_form(date_of_birth=wrong))


@pytest.mark.parametrize(
    ("field", "number", "again"),
    [
        ("national_id", SAUDI, SAUDI),
        ("iqama", RESIDENT, f" {RESIDENT} "),
        ("passport_number", "g12345678", "G1234 5678"),
        ("medical_record_number", "mrn-1", "MRN-1"),
    ],
)
async def test_a_number_belongs_to_one_patient_of_an_organization(ctx, other_ctx, patient_form, field, number, again):
    await service.register_patient(ctx, patient_form(**{field: number}))
    with pytest.raises(PatientKnown) as caught:
        await service.register_patient(ctx, patient_form(**{field: again}))
    assert [error.path for error in caught.value.errors] == [field]
    assert await names(ctx, None) == ["Ahmad Khaled Abbas"]
    await service.register_patient(other_ctx, patient_form(**{field: number}))


async def test_patients_of_others_do_not_exist(ctx, other_ctx, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))
    stranger = other_ctx
    unknown = ids.show("PAT", ids.new_id())
    for reference in [
        made.patient_id,
        unknown,
        made.patient_id.replace("PAT", "CLM"),
        "PAT-1",
        "",
        made.patient_id.lower(),
    ]:
        with pytest.raises(NotFound):
            await service.get_patient(stranger, reference)
    for search in [None, "Ahmad", "أحمد", SAUDI, "MRN-00042", "0512345678", made.patient_id]:
        assert await service.list_patients(stranger, search, limit=20, offset=0) == ([], 0)
    assert not (await stranger.call(FindPatient(SAUDI), FoundPatient)).found


async def test_names_are_found_however_they_are_spelled(ctx, patient_form):
    people = [
        ("Muhammad Ali Al-Qahtani", "مُحَمَّد علي القحطاني"),
        ("Fatimah Al Zahrani", "فاطمة الزهراني"),
        ("Abdullah Saad", "عبد الله سعد"),
        ("José García", None),
        ("إيمان أحمد", None),
    ]
    for name, name_ar in people:
        await service.register_patient(ctx, patient_form(name=name, name_ar=name_ar))
    found = {
        "محمد": "Muhammad Ali Al-Qahtani",
        "قحطاني": "Muhammad Ali Al-Qahtani",
        "القحطانى علی": "Muhammad Ali Al-Qahtani",
        "al qahtani": "Muhammad Ali Al-Qahtani",
        "alqahtani": "Muhammad Ali Al-Qahtani",
        "MOHAMMAD": "Muhammad Ali Al-Qahtani",
        "فاطمه": "Fatimah Al Zahrani",
        "zahra": "Fatimah Al Zahrani",
        "fatima alzahrani": "Fatimah Al Zahrani",
        "عبدالله": "Abdullah Saad",
        "sa": "Abdullah Saad",
        "jose garcia": "José García",
        "ايمان": "إيمان أحمد",
        "ﺇﻳﻤﺎﻥ": "إيمان أحمد",
    }
    for search, name in found.items():
        assert await names(ctx, search) == [name], search
    assert await names(ctx, "zzzzz") == []
    assert await names(ctx, "%") == []
    assert await names(ctx, "_") == []
    assert await names(ctx, "\\") == []
    assert len(await names(ctx, "  ")) == len(people)


async def test_numbers_are_found_exactly(ctx, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))
    await service.register_patient(ctx, patient_form(name="Somebody Else", national_id=make_saudi_id("national_id", 1)))
    for search in [
        SAUDI,
        "MRN-00042",
        "mrn-00042",
        "+966 51 234 5678",
        "0512345678",
        "٠٥١٢٣٤٥٦٧٨",
        "5555346",
        made.patient_id,
    ]:
        assert await names(ctx, search) == ["Ahmad Khaled Abbas"], search
    for search in [SAUDI[:9], "00042", "0512345679", "7", "PAT-7", "7" * 65, "1\u200c2"]:
        assert await names(ctx, search) == [], search


async def test_hidden_or_long_searches_are_refused(ctx):
    for search in ["a\0b", "a\u202eb", "x" * 101]:
        with pytest.raises(Invalid) as caught:
            await service.list_patients(ctx, search, limit=20, offset=0)
        assert caught.value.errors[0].path == "search"


async def test_pages_are_sorted_by_name_and_counted(ctx, patient_form):
    for name in ["بدر", "أحمد", "Zaid", "القحطاني", "adam"]:
        await service.register_patient(ctx, patient_form(name=name))
    assert await names(ctx, None) == ["adam", "Zaid", "أحمد", "بدر", "القحطاني"]
    assert await service.list_patients(ctx, None, limit=2, offset=4) == (
        [*(await service.list_patients(ctx, "القحطاني", limit=1, offset=0))[0]],
        5,
    )
    patients, total = await service.list_patients(ctx, "a", limit=1, offset=1)
    assert ([patient.name for patient in patients], total) == ([], 1)


async def test_registering_and_reading_leave_their_audit_rows(ctx, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))
    await service.get_patient(ctx, made.patient_id)
    await service.list_patients(ctx, "Ahmad", limit=20, offset=0)
    await ctx.call(FindPatient(SAUDI), FoundPatient)
    async with ctx.transaction() as tx:
        rows = await tx.fetch(
            "SELECT action, resource_id, patient, detail::text FROM masterlinc.audit_event ORDER BY id"
        )
    assert [row["action"] for row in rows] == ["patient.create", "patient.read", "patient.list", "patient.read"]
    assert {row["resource_id"] for row in rows} == {made.patient_id}
    assert {row["patient"] for row in rows} == {ids.parse("PAT", made.patient_id)}
    assert {row["detail"] for row in rows} == {"{}"}


async def test_registering_publishes_ids_only(ctx, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))
    patient_id = ids.parse("PAT", made.patient_id)
    async with ctx.transaction() as tx:
        payload = await tx.fetchval("SELECT payload::text FROM masterlinc.event WHERE aggregate = $1", patient_id)
    assert str(patient_id) in payload
    assert "Ahmad" not in payload


async def test_find_patient_answers_what_a_claim_needs(ctx, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))
    for reference in [made.patient_id, "MRN-00042", SAUDI, "5555346"]:
        found = await ctx.call(FindPatient(reference), FoundPatient)
        assert found.found
        assert (found.name, found.birth_date, found.phone) == (
            "Ahmad Khaled Abbas",
            date(1984, 12, 25),
            "+966512345678",
        )
        assert (found.payer_license, found.policy_number, found.member_number) == ("10000000046372", "POL-77", "M-9")
        assert {(one.system, one.value, one.valid) for one in found.identifiers} == {
            (NATIONAL_ID, SAUDI, True),
            (BORDER_NUMBER, "5555346", True),
        }
    for reference in ["nobody", "", "PAT-1", "a\0b", "PAT-" + "0" * 26]:
        assert await ctx.call(FindPatient(reference), FoundPatient) == FoundPatient(found=False)


async def test_finding_a_patient_is_one_statement_alone_and_in_a_transaction(ctx, patient_form, statements):
    made = await service.register_patient(ctx, patient_form(**FULL))
    for reference in [made.patient_id, "MRN-00042", SAUDI, "nobody"]:
        with statements() as sent:
            alone = await ctx.call(FindPatient(reference), FoundPatient)
        assert len(sent) == 1
        async with ctx.transaction():
            with statements() as sent:
                assert await ctx.call(FindPatient(reference), FoundPatient) == alone
        assert len(sent) == 1
    with statements() as sent:
        assert not (await ctx.call(FindPatient("PAT-1"), FoundPatient)).found
    assert sent == []


async def test_two_who_answer_to_one_number_are_nobody(ctx, patient_form):
    await service.register_patient(ctx, patient_form(border_number="5555346"))
    await service.register_patient(ctx, patient_form(name="Somebody Else", passport_number="5555346"))
    assert not (await ctx.call(FindPatient("5555346"), FoundPatient)).found
    record = await service.register_patient(ctx, patient_form(name="A Third", medical_record_number="5555346"))
    found = await ctx.call(FindPatient("5555346"), FoundPatient)  # the clinic's own number goes first
    assert (found.patient_id, found.identifiers) == (ids.parse("PAT", record.patient_id), ())


async def test_what_is_undone_was_not_read(ctx, patient_form):
    made = await service.register_patient(ctx, patient_form(**FULL))

    async def read_in_vain():
        async with ctx.transaction():
            assert (await ctx.call(FindPatient(SAUDI), FoundPatient)).found
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read_in_vain()
    async with ctx.transaction():
        await ctx.call(FindPatient(SAUDI), FoundPatient)
    async with ctx.transaction() as tx:
        rows = await tx.fetch(
            "SELECT actor_id, session_id, trace_id, outcome FROM masterlinc.audit_event"
            " WHERE action = 'patient.read' AND resource_id = $1",
            made.patient_id,
        )
    who = ctx.principal
    assert [tuple(row) for row in rows] == [(who.user_id, who.session_id, "test", "ok")]


async def test_in_anothers_transaction_nobody_is_found(ctx, other_ctx, patient_form):
    await service.register_patient(ctx, patient_form(**FULL))
    async with other_ctx.transaction():
        assert not (await ctx.call(FindPatient(SAUDI), FoundPatient)).found


async def test_practitioners_are_found_by_key_and_license(ctx, other_ctx):
    key = await service.register_practitioner(
        ctx, license_="N-P-00003", name="Dr. Amar Moustafa", name_ar="د. عمار مصطفى", specialty="08.00"
    )
    for reference in [ids.show("PRA", key), "N-P-00003", " N-P-00003 "]:
        assert await ctx.call(FindPractitioner(reference), FoundPractitioner) == FoundPractitioner(
            True, key, "Dr. Amar Moustafa", "N-P-00003", "08.00"
        )
    for reference in ["N-P-00004", "PRA-1", "a\0"]:
        assert not (await ctx.call(FindPractitioner(reference), FoundPractitioner)).found
    assert not (await other_ctx.call(FindPractitioner("N-P-00003"), FoundPractitioner)).found
    with pytest.raises(PractitionerKnown):
        await service.register_practitioner(ctx, license_="N-P-00003", name="Another", name_ar=None, specialty="08.00")
    with pytest.raises(Invalid):
        await service.register_practitioner(ctx, license_="", name="", name_ar="", specialty="")


async def test_app_reads_the_search_table_through_its_function_only(ctx):
    for statement in [
        "SELECT * FROM doctorlinc.patient_search",
        "DELETE FROM doctorlinc.patient",
        "SELECT doctorlinc.pattern('a')",
    ]:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with ctx.transaction() as tx:
                await tx.fetch(statement)


async def test_nobody_writes_into_another_organization(ctx, patient_form):
    other = ids.new_id()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with ctx.transaction() as tx:
            await tx.execute(
                "INSERT INTO doctorlinc.patient_search (organization_id, patient_id, folded, name_key)"
                " VALUES ($1, $1, '', '')",
                other,
            )


async def test_search_uses_the_trigram_index(ctx, running):
    keys = [ids.new_id() for _ in range(20_000)]
    names = [f"name{number:06x} family{number % 977:04x}" for number in range(20_000)]
    async with ctx.transaction() as tx:
        await tx.execute(
            "INSERT INTO doctorlinc.patient (organization_id, id, name, name_key, birth_date, gender, created_at)"
            " SELECT $1, key, name, name, '2000-01-01', 'unknown', now()"
            " FROM unnest($2::uuid[], $3::text[]) AS p (key, name)",
            ctx.principal.organization_id,
            keys,
            names,
        )
        await tx.execute(
            "INSERT INTO doctorlinc.patient_search (organization_id, patient_id, folded, name_key)"
            " SELECT $1, key, ' ' || name, name FROM unnest($2::uuid[], $3::text[]) AS p (key, name)",
            ctx.principal.organization_id,
            keys,
            names,
        )
    owner = await asyncpg.connect(running.services.settings.database.owner_url.reveal())
    await owner.execute("ANALYZE doctorlinc.patient_search")  # as autovacuum does
    await owner.close()
    for words in [["name00123a"], ["family0042", "name00"], ["nane00123a"]]:
        async with ctx.transaction() as tx:
            before = await tx.fetchval("SELECT pg_stat_get_xact_numscans('doctorlinc.patient_search_folded'::regclass)")
            found = await tx.fetch("SELECT * FROM doctorlinc.search_patients($1, 0, 20)", words)
            after = await tx.fetchval("SELECT pg_stat_get_xact_numscans('doctorlinc.patient_search_folded'::regclass)")
            whole = await tx.fetchval("SELECT pg_stat_get_xact_numscans('doctorlinc.patient_search'::regclass)")
        assert found, words
        assert after > before, words
        assert whole == 0, words
    patients, total = await service.list_patients(ctx, "name", limit=5, offset=0)
    assert len(patients) == 5
    assert total == 1001
