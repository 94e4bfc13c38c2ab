"""What the tests of auditlinc share: a clinic with a patient, auditors of it, of others and of the operator."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio

from authlinc.contract import OrganizationKind
from authlinc.service.directory import License, NewOrganization, create_organization
from masterlinc.ids import new_id
from masterlinc.security.principal import Principal, service_principal
from masterlinc.testing import Running, bearer, client_of

PATIENT = {"name": "Ahmad Khaled Abbas", "date_of_birth": "1984-12-25", "gender": "male"}


@dataclass(frozen=True)
class Clinic:
    """A clinic over the whole application."""

    running: Running
    http: httpx.AsyncClient
    make: Any
    doctor: Principal
    auditor: Principal
    patient: str

    def headers(self, who: Principal) -> dict[str, str]:
        return bearer(self.running, who)

    async def get(self, path: str, who: Principal | None = None, **query: Any) -> httpx.Response:
        return await self.http.get(f"/api/v1{path}", headers=self.headers(who or self.auditor), params=query)

    async def post(self, path: str, who: Principal, body: Any, **headers: str) -> httpx.Response:
        return await self.http.post(f"/api/v1{path}", headers=self.headers(who) | headers, json=body)

    async def events(self, who: Principal | None = None, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get("/audit/events", who, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["events"]

    async def operator_s(self, *roles: str) -> Principal:
        ctx = self.running.context("authlinc", service_principal("tests", frozenset()))
        license_ = License("http://nphies.sa/license/provider-license", f"O-{new_id().hex[-12:]}")
        made = await create_organization(
            ctx, NewOrganization(OrganizationKind.OPERATOR, "Operator", "المشغل", (license_,))
        )
        return self.make(*roles, organization=made.organization_id)


@pytest_asyncio.fixture(loop_scope="session")
async def clinic(running, make_principal):
    """A clinic whose doctor registered a patient and looked at them."""
    doctor = make_principal("doctor")
    auditor = make_principal("auditor", organization=doctor.organization_id)
    async with client_of(running) as http:
        made = await http.post("/api/v1/patients", headers=bearer(running, doctor), json=PATIENT)
        patient = made.json()["patient_id"]
        assert (await http.get(f"/api/v1/patients/{patient}", headers=bearer(running, doctor))).status_code == 200
        yield Clinic(running, http, make_principal, doctor, auditor, patient)
