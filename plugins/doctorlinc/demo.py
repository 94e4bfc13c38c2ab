"""The patients, practitioners, hours and appointments of the demo hospital."""

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import cast
from uuid import UUID

from authlinc.contract import DEMO_PAYERS, DEMO_PROVIDERS, FindOrganization, OrganizationInfo
from doctorlinc.appointments import Hours, book_appointment, set_schedule
from doctorlinc.contract import FindPractitioner, FoundPractitioner
from doctorlinc.errors import PatientKnown
from doctorlinc.schemas import AppointmentForm, Gender, PatientForm
from doctorlinc.service import register_patient, register_practitioner
from masterlinc.agent import DemoPerson, DemoPlan
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.errors import Conflict
from masterlinc.identity import check_saudi_id

_WORKDAYS = (7, 1, 2, 3, 4)  # Sunday to Thursday
_SLOT = 20
_MORNING, _EVENING = (8 * 60, 12 * 60), (16 * 60, 20 * 60)
_DAYS_AHEAD = 14
_TYPES = ("consultation", "follow-up", "procedure")

# licence, name, Arabic name, practice code, hours
_PRACTITIONERS = (
    ("N-P-00001", "Dr. Amal Al-Dosari", "د. أمل الدوسري", "08.00", _MORNING),
    ("N-P-00002", "Dr. Yazid Al-Mutairi", "د. يزيد المطيري", "22.00", _MORNING),
    ("N-P-00003", "Dr. Ammar Al-Shammari", "د. عمار الشمري", "08.02", _MORNING),
    ("N-P-00004", "Dr. Ashraf Al-Juhani", "د. أشرف الجهني", "11.11", _EVENING),
    ("N-P-00005", "Dr. Hanan Al-Balawi", "د. حنان البلوي", "19.00", _MORNING),
    ("N-P-00006", "Dr. Wael Al-Omari", "د. وائل العمري", "06.01", _EVENING),
    ("N-P-00007", "Dr. Rana Al-Subaie", "د. رنا السبيعي", "03.00", _EVENING),
    ("N-P-00008", "Dr. Tariq Al-Anazi", "د. طارق العنزي", "05.00", _MORNING),
)


async def demo(ctx: Context, plan: DemoPlan) -> None:
    """Register people with the demo hospital and fill its next two weeks; what is there already stays."""
    hospital = await ctx.call(FindOrganization(DEMO_PROVIDERS[0]), OrganizationInfo)
    ctx = ctx.acting_for(cast("UUID", hospital.organization_id))
    for person in plan.people:
        with suppress(PatientKnown):
            await register_patient(ctx, _form(person))
    for license_, name, name_ar, specialty, hours in _PRACTITIONERS:
        await _practitioner(ctx, license_, name, name_ar, specialty, hours)
    booked = await _appointments(ctx, plan)
    plan.tell(f"{len(plan.people)} patients, {len(_PRACTITIONERS)} practitioners, {booked} appointments")


def _form(person: DemoPerson) -> PatientForm:
    field = check_saudi_id(person.identifier) or "national_id"
    return PatientForm(
        name=person.name,
        name_ar=person.name_ar,
        date_of_birth=person.birth_date,
        gender=cast("Gender", person.gender),
        national_id=person.identifier if field == "national_id" else None,
        iqama=person.identifier if field == "iqama" else None,
        medical_record_number=person.record_number,
        contact_phone=person.phone,
        contact_email=person.email,
        payer_license=DEMO_PAYERS[person.payer],
        policy_number=person.policy_number,
        member_number=person.member_number,
    )


async def _practitioner(
    ctx: Context, license_: str, name: str, name_ar: str, specialty: str, hours: tuple[int, int]
) -> None:
    found = await ctx.call(FindPractitioner(license_), FoundPractitioner)
    key = found.practitioner_id or await register_practitioner(
        ctx, license_=license_, name=name, name_ar=name_ar, specialty=specialty
    )
    await set_schedule(ctx, key, [Hours(weekday, *hours, _SLOT) for weekday in _WORKDAYS])


async def _appointments(ctx: Context, plan: DemoPlan) -> int:
    """Book two appointments a practitioner and workday; a patient who has one at that time gets none."""
    chance, booked = random.Random(plan.seed), 0  # nosec B311 # noqa: S311 - the same seed makes the same choices
    first = today(ctx.clock)
    for day in (first + timedelta(days=ahead) for ahead in range(1, _DAYS_AHEAD + 1)):
        if day.isoweekday() not in _WORKDAYS:
            continue
        for license_, *_, hours in _PRACTITIONERS:
            for start in _starts(chance, hours):
                form = AppointmentForm(
                    patient_id=chance.choice(plan.people).record_number,
                    provider_id=license_,
                    appointment_date=datetime.combine(day, start).isoformat(),
                    appointment_type=chance.choice(_TYPES),
                )
                with suppress(Conflict):
                    await book_appointment(ctx, form)
                    booked += 1
    return booked


def _starts(chance: random.Random, hours: tuple[int, int]) -> Sequence[time]:
    slots = range(hours[0], hours[1] - _SLOT + 1, _SLOT)
    return [time(*divmod(minute, 60)) for minute in sorted(chance.sample(slots, 2))]
