"""Which audit rows a route leaves when somebody who may asks it, and why some leave none.

A new route needs its line in one of the three tables. What reads health data or changes anything belongs into ROWS.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from makers import enrolled, patient, policy
from peopled import CLERK, Peopled

from authlinc.contract import DEMO_PROVIDERS
from masterlinc.ids import new_id
from masterlinc.security.principal import Principal

_MESSAGE = Path(__file__).parents[3] / "docs/examples/claim-professional.json"
_CLINIC = DEMO_PROVIDERS[0]  # who also takes appointments itself
_PERSON = {"name": "Huda Alotaibi", "date_of_birth": "1990-05-17", "gender": "female"}

# Route → the actions of its rows.
ROWS: Mapping[str, list[str]] = {
    "POST /api/v1/workflow/execute": ["workflow.start"],
    "POST /api/v1/workflows/{workflow}/cancel": ["workflow.cancel"],
    "POST /api/v1/workflows/{workflow}/signal": ["workflow.signal"],
    "POST /api/v1/workflows/{workflow}/fork": ["workflow.fork"],
    "POST /api/v1/message/route": ["message.send"],
    "GET /api/v1/messages/{message_id}": ["message.read"],
    "POST /api/v1/messages/{message_id}/acknowledge": ["message.acknowledge"],
    "POST /api/v1/delegate": ["workflow.start"],
    "POST /api/v1/auth/logout": ["auth.logout"],
    "DELETE /api/v1/auth/sessions": ["session.end"],
    "DELETE /api/v1/auth/sessions/{session}": ["session.end"],
    "POST /api/v1/auth/api-keys": ["api_key.create"],
    "DELETE /api/v1/auth/api-keys/{key}": ["api_key.revoke"],
    "POST /api/v1/auth/api-keys/{key}/rotate": ["api_key.rotate"],
    "POST /api/v1/auth/clients": ["client.create"],
    "DELETE /api/v1/auth/clients/{client}": ["client.revoke"],
    "POST /api/v1/auth/break-glass": ["access.break_glass"],
    "DELETE /api/v1/auth/break-glass/{grant}": ["access.break_glass_ended"],
    "POST /api/v1/users": ["user.create"],
    "DELETE /api/v1/users/{user}/sessions": ["session.end"],
    "DELETE /api/v1/sessions/{session}": ["session.end"],
    "DELETE /api/v1/users/{user}/second-factor": ["auth.factor.reset"],
    "POST /api/v1/organizations": ["organization.create"],
    "POST /api/v1/organizations/{organization}/administrators": ["user.create"],
    "GET /api/v1/audit/events": ["audit.search"],
    "GET /api/v1/audit/events/fhir": ["audit.search"],
    "GET /api/v1/audit/patients/{patient_id}/viewers": ["audit.viewers"],
    "POST /api/v1/log": ["log.read"],
    "GET /api/v1/events": ["audit.read_report", "audit.search"],
    "GET /api/v1/patients": ["patient.list"],
    "POST /api/v1/patients": ["patient.create"],
    "GET /api/v1/patients/{patient_id}": ["patient.read"],
    "POST /api/v1/appointments": ["appointment.create"],
    "POST /api/v1/policies/validate": ["patient.read", "policy.validated"],
    "POST /api/v1/policies/eligibility": ["patient.read", "policy.validated"],
    "GET /api/v1/policies/{policy_number}/coverage": ["policy.coverage_read"],
    "POST /api/v1/policies/proposals": ["terms.proposed"],
    "GET /api/v1/members": ["member.list"],
    "GET /api/v1/members/{member_id}": ["member.read"],
    "POST /api/v1/members/import": ["members.imported"],
    "POST /api/v1/claims/submit": ["claim.submit"],
    "GET /api/v1/payments/batches/{batch}": ["payment.read"],
    "POST /api/v1/payments/batches/{batch}/withdraw": ["payment.withdraw"],
    "GET /api/v1/remittances/{remittance}": ["remittance.read"],
    "GET /api/v1/remittances/{remittance}/csv": ["remittance.read"],
    "GET /api/v1/reconciliation": ["remittance.reconcile"],
    "POST /api/v1/bank-lines": ["bank.import"],
    "GET /api/v1/ageing": ["claim.ageing"],
    "GET /api/v1/claims/{claim_id}": ["claim.read"],
    "GET /api/v1/claims": ["claim.list"],
    "GET /api/v1/claims/{claim_id}/adjudication": ["claim.read"],
    "POST /api/v1/adjudications/simulate": ["adjudication.simulate"],
    "GET /api/v1/claims/{claim_id}/review": ["claim.review_read"],
    "GET /api/v1/reviews/{review}": ["review.read"],
    "GET /api/v1/authorizations": ["authorization.list"],
    "GET /api/v1/authorizations/{authorization_id}": ["authorization.read"],
    "POST /api/v1/authorizations/{authorization_id}/cancel": ["authorization.cancel"],
    "POST /api/v1/authorizations/{authorization_id}/extend": ["authorization.read", "claim.submit"],
    "POST /api/v1/authorizations/notices": ["authorization.notice", "policy.cover_read", "policy.terms_read"],
    "GET /api/v1/research/claims": ["research.read"],
    "POST /api/v1/nphies/messages": ["claim.submit", "nphies.submit"],
    "GET /api/v1/nphies/messages/{message_id}": ["nphies.read"],
}

_DOCS, _SELF, _STAFF = "documentation", "one's own account", "accounts of staff, no health data"
_TERMS = "what a payer sells and agrees, no person"
_SUMS = "sums by party, no claim"
# Route → why it leaves none.
QUIET: Mapping[str, str] = {
    "POST /api/v1/validate": "the caller's own message, which is neither stored nor sent",
    "GET /api/v1/payments/due": _SUMS,
    "GET /api/v1/payments/batches": _SUMS,
    "GET /api/v1/remittances": _SUMS,
    "GET /health": "no data",
    "GET /health/live": "no data",
    "GET /health/ready": "no data",
    "POST /execute": "the task that is run leaves its rows; echo has none",
    "GET /.well-known/agent-card.json": _DOCS,
    "GET /api/v1/agents": _DOCS,
    "GET /api/v1/agents/{agent_id}": _DOCS,
    "GET /api/v1/agents/{agent_id}/card": _DOCS,
    "GET /api/v1/workflows": "states without inputs and results",
    "GET /api/v1/workflows/{workflow}": "this one has no results yet; with results it leaves workflow.read",
    "GET /api/v1/workflows/{workflow}/timeline": "kinds and times",
    "GET /api/v1/messages": "without content",
    "GET /api/v1/events/subscriptions": "counts",
    "GET /api/v1/events/dead-letters": "ids and kinds of faults",
    "GET /api/v1/auth/me": _SELF,
    "PATCH /api/v1/auth/me": _SELF,
    "GET /api/v1/auth/sessions": _SELF,
    "GET /api/v1/auth/second-factor": _SELF,
    "GET /api/v1/auth/api-keys": _STAFF,
    "GET /api/v1/auth/api-keys/{key}": _STAFF,
    "GET /api/v1/auth/clients": _STAFF,
    "GET /api/v1/auth/clients/{client}": _STAFF,
    "GET /api/v1/auth/break-glass": "grants without records",
    "GET /api/v1/users": _STAFF,
    "GET /api/v1/users/{user}": _STAFF,
    "GET /api/v1/users/{user}/sessions": _STAFF,
    "GET /api/v1/policies/terms": _TERMS,
    "GET /api/v1/policies/proposals": _TERMS,
    "GET /api/v1/policies/proposals/{proposal}": _TERMS,
    "GET /api/v1/roles": "the configuration",
    "GET /api/v1/review-terms": "how a payer's people work, no person",
    "GET /api/v1/auth/providers": "the configuration",
    "GET /api/v1/organizations": "the directory of the exchange",
    "GET /api/v1/organizations/{organization}": "the directory of the exchange",
    "GET /.well-known/jwks.json": "public keys",
    "POST /api/v1/claims/normalize": "codes without a person",
    "POST /api/v1/rules/apply": "figures without a person",
    "POST /api/v1/documents/verify": "nothing is stored or shown",
    "GET /api/v1/docs/assets/{file_path}": _DOCS,
    "GET /api/v1/asyncapi.json": _DOCS,
    "GET /api/v1/docs": _DOCS,
    "GET /api/v1": _DOCS,
    "GET /api/v1/openapi.json": _DOCS,
    "GET /api/v1/oauth2-redirect.html": _DOCS,
}

# Route → an action that the code writes on its way, which one request of the matrix does not reach.
LONGER: Mapping[str, str] = {
    "POST /api/v1/payments/batches": "payment.prepare",  # of what is due
    "POST /api/v1/payments/batches/{batch}/approve": "payment.approve",  # by somebody else
    "POST /api/v1/payments/batches/{batch}/send": "payment.send",
    "POST /api/v1/payments/batches/{batch}/settle": "payment.settle",
    "POST /api/v1/remittances/{remittance}/matches": "remittance.match",
    "POST /api/v1/reconciliation/match": "remittance.match",
    "DELETE /api/v1/bank-lines/{line}/match": "remittance.unmatch",
    "POST /api/v1/claims/{claim_id}/correct": "claim.correct",  # of a claim that is decided
    "POST /api/v1/claims/{claim_id}/cancel": "claim.cancel",  # the same
    "POST /api/v1/claims/{claim_id}/appeals": "claim.appeal",  # the same
    "POST /api/v1/claims/{claim_id}/information": "claim.inform",  # of a claim that was asked about
    "GET /api/v1/reviews": "review.list",  # of a payer that has cases
    "POST /api/v1/reviews": "review.move",
    "PUT /api/v1/reviews/{review}/assignee": "review.move",  # with its version
    "POST /api/v1/reviews/{review}/escalations": "review.move",
    "POST /api/v1/reviews/{review}/questions": "review.move",
    "POST /api/v1/reviews/{review}/decision": "review.move",
    "POST /api/v1/reviews/{review}/confirmation": "review.move",
    "POST /api/v1/reviews/{review}/rerun": "review.move",
    "POST /api/v1/review-terms": "review.terms",
    "POST /api/v1/policies/imports": "terms.proposed",  # with a reason
    "POST /api/v1/policies/proposals/{proposal}/approve": "terms.approved",  # with the version that was seen
    "POST /api/v1/policies/proposals/{proposal}/decline": "terms.declined",
    "POST /api/v1/policies/proposals/{proposal}/withdraw": "terms.withdrawn",
    "POST /mcp": "tool.call",
    "POST /api/v1/workflows/{workflow}/retry": "workflow.retry",
    "POST /api/v1/events/redrive": "event.redriven",
    "POST /api/v1/events/replay": "event.replayed",
    "POST /api/v1/auth/login": "auth.login",
    "POST /api/v1/auth/verify": "http.refused",
    "POST /api/v1/auth/refresh": "auth.refresh",
    "POST /api/v1/auth/password": "auth.password",
    "POST /api/v1/auth/login/second-factor": "auth.login",
    "POST /api/v1/auth/login/second-factor/enrol": "auth.factor.enrol",
    "POST /api/v1/auth/second-factor": "auth.factor.enrol",
    "POST /api/v1/auth/second-factor/confirm": "auth.factor.enrol",
    "POST /api/v1/auth/second-factor/disable": "auth.factor.disable",
    "POST /api/v1/auth/second-factor/recovery-codes": "auth.factor.renew_codes",
    "POST /api/v1/auth/token": "auth.token",
    "GET /api/v1/auth/providers/{provider}/start": "http.refused",  # nothing is known yet of who signs in
    "GET /api/v1/auth/providers/{provider}/callback": "auth.login",
    "POST /api/v1/users/{user}/identity": "user.link_identity",
    "DELETE /api/v1/users/{user}/identity": "user.unlink_identity",
    "POST /api/v1/auth/password/reset": "auth.password.ask",
    "POST /api/v1/auth/password/choose": "auth.password.choose",
    "POST /api/v1/users/{user}/invitation": "user.invite",
    "PATCH /api/v1/users/{user}": "user.change",
    "PATCH /api/v1/organizations/{organization}": "organization.change",
    "POST /api/v1/documents/sign": "key.create",  # of the organization's first signature
    "GET /api/v1/audit/checkpoint": "audit.checkpoint",
    "GET /.well-known/oauth-authorization-server": "http.refused",  # there where clients may sign in
}


async def bodies(peopled: Peopled, clerk: Principal) -> dict[str, Any]:
    """What is sent beside the bodies of the matrix."""
    number = new_id().hex[-8:]
    person = await patient(peopled, clerk)
    insured = await policy(peopled, peopled.maker(peopled.payers[0], CLERK))
    message = json.loads(_MESSAGE.read_text(encoding="utf-8"))
    now = peopled.running.services.clock.now()
    return {
        "POST /api/v1/authorizations/notices": {
            "payer_id": peopled.payer_licenses[0],
            "member_number": await enrolled(peopled, clerk),
            "happened_at": now.isoformat(),
        },
        "POST /api/v1/bank-lines": {"lines": [{"transaction_id": "T1", "booked_on": "2026-03-20", "amount": 10}]},
        "POST /api/v1/delegate": {
            "task_description": "answer what is sent",
            "task": "masterlinc.echo",
            "input": {"message": "x"},
        },
        "POST /api/v1/users": {
            "email": f"u{number}@matrix.example",
            "name": "Nora",
            "name_ar": "نورة",
            "roles": ["nurse"],
        },
        "POST /api/v1/organizations/{organization}/administrators": {
            "email": f"a{number}@matrix.example",
            "name": "Amal",
            "name_ar": "أمل",
        },
        "POST /api/v1/organizations": {"kind": "provider", "name": "A clinic", "name_ar": "عيادة"},
        "POST /api/v1/auth/break-glass": {"reason": "unconscious in the emergency room", "patient_id": person},
        "POST /api/v1/auth/api-keys": {"name": "lab", "scopes": ["code:read"]},
        "POST /api/v1/auth/clients": {"name": "lab", "scopes": ["code:read"]},
        "POST /api/v1/log": {
            "event_id": f"e-{number}",
            "timestamp": "2026-03-01T09:00:00Z",
            "action": "read",
            "resource_type": "patient",
            "resource_id": person,
            "actor_id": "somebody",
            "actor_role": "nurse",
            "outcome": "success",
        },
        "POST /api/v1/patients": _PERSON,
        "POST /api/v1/appointments": {
            "patient_id": person,
            "appointment_date": "2027-03-02T09:30:00",
            "appointment_type": "consultation",
            "provider_id": _CLINIC,
        },
        "POST /api/v1/policies/validate": {
            "policy_number": insured,
            "patient_id": person,
            "service_code": "83600-00-10",
            "amount": 200.0,
        },
        "POST /api/v1/policies/eligibility": {
            "policy_number": insured,
            "patient_id": person,
            "services": [{"service_code": "83600-00-10", "amount": 200.0}],
        },
        "POST /api/v1/policies/proposals": {
            "document": {"kind": "payer", "effective_from": "2041-01-01"},
            "reason": "the matrix asks",
        },
        "POST /api/v1/members/import": [],
        "POST /api/v1/claims/submit": {
            "patient_id": f"MRN-{number}",
            "service_code": "83600-00-10",
            "amount": 200.0,
            "diagnosis_codes": ["J06.9"],
            "payer_id": peopled.payer_licenses[0],
        },
        "POST /api/v1/nphies/messages": message,
        "POST /api/v1/validate": {"claim_resource": message},
        "POST /api/v1/claims/normalize": {"codes": [{"code": "83600-00-10"}]},
        "POST /api/v1/rules/apply": {"lines": [{"quantity": 1, "unit_price": 1.0, "net": 1.0}], "total": 1.0},
        "POST /api/v1/documents/verify": {"payload": {}, "signature": "AAAA", "key_id": "KEY-1"},
    }
