"""Patients and appointments over HTTP."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from doctorlinc import appointments, service
from doctorlinc.schemas import (
    AppointmentForm,
    AppointmentView,
    PatientForm,
    PatientPage,
    PatientSeen,
    PatientsSeen,
    PatientSummaryPage,
    PatientView,
)
from masterlinc.context import Context
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent


@get("/patients", opt={"permission": "patient:read"}, summary="List patients, or search them by name or number")
async def list_patients(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    search: FromQuery[str | None] = None,
) -> PatientsSeen:
    """Search names in Arabic or English, however they are spelled; a number is searched exactly."""
    wanted = paging.page(page, page_size)
    patients, counted = await service.list_patients(ctx, search, limit=wanted.limit, offset=wanted.offset)
    total, exact = paging.capped(counted)
    reached = [patient for patient in patients if isinstance(patient, PatientView)]
    if reached:
        return PatientPage(patients=reached, total=total, page=page, page_size=page_size, total_exact=exact)
    return PatientSummaryPage(patients=patients, total=total, page=page, page_size=page_size, total_exact=exact)


@get("/patients/{patient_id:str}", opt={"permission": "patient:read"}, summary="Show a patient")
async def get_patient(ctx: NamedDependency[Context], patient_id: FromPath[str]) -> PatientSeen:
    """Return a patient of the caller's organization; phone and e-mail address with `patient:contact` only."""
    return await service.get_patient(ctx, patient_id)


@post(
    "/patients",
    opt={"permission": "patient:create"},
    summary="Register a patient",
    operation_class=Keyed,
    responses={201: ResponseSpec(PatientView, description="The patient", generate_examples=False)},
)
async def register_patient(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[PatientForm]
) -> Response[bytes]:
    """Register a patient with the caller's organization."""
    return await idempotent(ctx, request, lambda: service.register_patient(ctx, data))


@post(
    "/appointments",
    opt={"permission": "appointment:create"},
    status_code=200,
    summary="Book an appointment",
    operation_class=Keyed,
    responses={200: ResponseSpec(AppointmentView, description="The appointment", generate_examples=False)},
)
async def book_appointment(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[AppointmentForm]
) -> Response[bytes]:
    """Book an appointment with a practitioner, or with the caller's organization."""
    return await idempotent(ctx, request, lambda: appointments.book_appointment(ctx, data), status=200)


router = Router("/", route_handlers=[list_patients, get_patient, register_patient, book_appointment])
