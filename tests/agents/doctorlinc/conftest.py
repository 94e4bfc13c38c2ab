"""What the tests of doctorlinc share: a context of a clinic of their own, and forms to start from."""

from dataclasses import replace
from datetime import date

import pytest
import pytest_asyncio

from doctorlinc.schemas import AppointmentForm, PatientForm
from masterlinc.context import Context

PATIENT = {"name": "Ahmad Khaled Abbas", "date_of_birth": date(1984, 12, 25), "gender": "male"}
APPOINTMENT = {"appointment_date": "2026-03-02T09:30:00", "appointment_type": "consultation"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(run_app):
    """An application with this agent and what it requires, and nothing else."""
    off = {"enabled": False}
    return await run_app(claimlinc=off, nphieslinc=off, policylinc=off, sbslinc=off)


@pytest.fixture
def ctx_for(running, clock):
    """Make a doctor's context of an organization; its clock stands still."""

    def make(principal) -> Context:
        return Context("doctorlinc", replace(running.services, clock=clock), principal, trace_id="test")

    return make


@pytest.fixture
def ctx(ctx_for, make_principal):
    """A doctor's context of a new organization."""
    return ctx_for(make_principal("doctor"))


@pytest.fixture
def patient_form():
    """Make a valid form of a patient, changed where a test says."""

    def make(**changes) -> PatientForm:
        return PatientForm(**(PATIENT | changes))

    return make


@pytest.fixture
def appointment_form():
    """Make a valid form of an appointment, changed where a test says."""

    def make(**changes) -> AppointmentForm:
        return AppointmentForm(**(APPOINTMENT | {"provider_id": "PROV-001"} | changes))

    return make


@pytest.fixture
def other_ctx(ctx_for, make_principal):
    """A doctor's context of another new organization."""
    return ctx_for(make_principal("doctor"))
