"""Schedules and appointments: who can be booked when; the database refuses what overlaps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
from msgspec import Struct

from authlinc.contract import FindOrganization, OrganizationInfo
from doctorlinc import forms, queries, sealed, service
from doctorlinc.contract import AppointmentBooked
from doctorlinc.errors import (
    HoursOverlap,
    OutsideSchedule,
    PatientBusy,
    PatientUnknown,
    PractitionerBusy,
    ProviderUnknown,
    fault,
)
from doctorlinc.forms import CheckedAppointment
from doctorlinc.schemas import AppointmentForm, AppointmentView
from doctorlinc.tables import Appointment, Schedule
from masterlinc import ids
from masterlinc.clock import RIYADH
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import Invalid

_DEFAULT_MINUTES = 30
_DAY_MINUTES = 24 * 60
_OURS = ("CLM", "PAT", "POL", "APT", "USR", "ORG", "WFL", "PRA", "MBR", "MSG", "VAL", "TSK")


class Hours(Struct, frozen=True):
    """Weekly hours in Riyadh time: ISO weekday, minutes from midnight, and the length of a slot."""

    weekday: int
    opens: int
    closes: int
    slot_minutes: int = _DEFAULT_MINUTES


async def set_schedule(ctx: Context, practitioner_id: UUID, hours: Sequence[Hours]) -> None:
    """Put weekly hours in place of a practitioner's; with none, the practitioner can be booked at any time."""
    faults = [fault(f"hours[{place}]", "hours") for place, hour in enumerate(hours) if not _is_possible(hour)]
    if faults:
        raise Invalid(errors=faults)
    organization_id = ctx.principal.organization_id
    try:
        async with ctx.transaction() as tx:
            if await queries.practitioner_by_id([organization_id], practitioner_id) is None:
                raise ProviderUnknown
            rows = [
                Schedule(
                    organization_id=organization_id,
                    id=ids.new_id(),
                    practitioner_id=practitioner_id,
                    weekday=hour.weekday,
                    opens=hour.opens,
                    closes=hour.closes,
                    slot_minutes=hour.slot_minutes,
                )
                for hour in hours
            ]
            await queries.replace_schedule(organization_id, practitioner_id, rows)
            shown = ids.show("PRA", practitioner_id)
            tx.audit("schedule.update", "practitioner", shown, organization_id=organization_id)
    except asyncpg.ExclusionViolationError:
        raise HoursOverlap from None


async def book_appointment(ctx: Context, form: AppointmentForm) -> AppointmentView:
    """Book an appointment; raises Invalid, NotFound, PractitionerBusy, PatientBusy or OutsideSchedule."""
    now = ctx.clock.now()
    checked = forms.check_appointment(form, now)
    practitioner_id = await _practitioner(ctx, checked.provider)
    appointment_id, organization_id = ids.new_id(), ctx.principal.organization_id

    async def book(tx: Transaction) -> datetime:
        patient = await service.find_patient(ctx, form.patient_id, by_identifier=False, audited=False)
        if patient is None or patient["organization_id"] != organization_id:
            raise PatientUnknown(errors=[fault("patient_id", "unknown")])
        ends_at = await _end(organization_id, practitioner_id, checked)
        appointment = Appointment(
            organization_id=organization_id,
            id=appointment_id,
            patient_id=patient["id"],
            practitioner_id=practitioner_id,
            provider_reference=checked.provider,
            starts_at=checked.starts_at,
            ends_at=ends_at,
            appointment_type=checked.appointment_type,
            notes=sealed.seal(ctx.vault, organization_id, appointment_id, "appointment.notes", checked.notes),
            status="scheduled",
            created_at=now,
        )
        if not await queries.insert_appointment(appointment):
            if await queries.patient_is_busy(organization_id, patient["id"], checked.starts_at, ends_at):
                raise PatientBusy
            raise PractitionerBusy
        event = AppointmentBooked(appointment_id, organization_id)
        tx.publish(event, aggregate=appointment_id, organization_id=organization_id)
        tx.audit(
            "appointment.create",
            "appointment",
            ids.show("APT", appointment_id),
            organization_id=organization_id,
            patient=patient["id"],
        )
        return ends_at

    ends_at = await ctx.run(book)
    return AppointmentView(
        appointment_id=ids.show("APT", appointment_id),
        patient_id=form.patient_id,
        provider_id=form.provider_id,
        appointment_date=form.appointment_date,
        appointment_type=checked.appointment_type,
        notes=checked.notes,
        status="scheduled",
        starts_at=checked.starts_at,
        ends_at=ends_at,
        created_at=now,
    )


async def _practitioner(ctx: Context, reference: str) -> UUID | None:
    """Return the practitioner that a provider reference names; None for the caller's own organization.

    Clients of the first system send identifiers of their own: whatever is nobody's licence and no key of ours means
    the caller's organization. What names somebody else is unknown here.
    """
    own = ctx.principal.organization_id
    if reference == ids.show("ORG", own):
        return None
    async with ctx.transaction():
        practitioner = await service.find_practitioner(ctx, reference)
    if practitioner is not None and practitioner["organization_id"] == own:
        return cast("UUID", practitioner["id"])
    if practitioner is not None or _looks_like_ours(reference):
        raise ProviderUnknown(errors=[fault("provider_id", "unknown")])
    organization = await ctx.call(FindOrganization(reference), OrganizationInfo)
    if organization.found and organization.organization_id != own:
        raise ProviderUnknown(errors=[fault("provider_id", "unknown")])
    return None


def _looks_like_ours(reference: str) -> bool:
    return reference.startswith(("PRA-", "ORG-")) or any(ids.looks_like(prefix, reference) for prefix in _OURS)


async def _end(organization_id: UUID, practitioner_id: UUID | None, checked: CheckedAppointment) -> datetime:
    """Return when the appointment ends; raises OutsideSchedule where the practitioner has hours, and none holds it."""
    hours: list[Any] = []
    if practitioner_id is not None:
        hours = await queries.schedule(organization_id, practitioner_id)
    if not hours:
        return checked.starts_at + timedelta(minutes=checked.minutes or _DEFAULT_MINUTES)
    start = checked.starts_at.astimezone(RIYADH)
    minute = start.hour * 60 + start.minute
    for hour in hours:
        minutes = checked.minutes or hour["slot_minutes"]
        if hour["weekday"] == start.isoweekday() and hour["opens"] <= minute and minute + minutes <= hour["closes"]:
            return checked.starts_at + timedelta(minutes=minutes)
    raise OutsideSchedule(errors=[fault("appointment_date", "outside")])


def _is_possible(hour: Hours) -> bool:
    return (
        1 <= hour.weekday <= 7  # noqa: PLR2004 - ISO days of a week
        and 0 <= hour.opens < hour.closes <= _DAY_MINUTES
        and forms.SHORTEST <= hour.slot_minutes <= forms.LONGEST
    )
