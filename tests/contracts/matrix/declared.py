"""What the matrix cannot read from the routes: what each path parameter names, and who may see such a thing.

A route with a permission needs nothing here as long as no parameter stands in its path. For a new parameter, add a
Thing to THINGS. Where an allowed caller gets another status than the route's own, say which in ANSWERS; a route that
takes a body before it looks for the thing needs one in BODIES.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from makers import (
    api_key,
    authorization,
    bank_line,
    batch,
    claim,
    client,
    emergency,
    member,
    message,
    nphies_message,
    organization,
    patient,
    policy,
    proposal,
    remittance,
    review,
    session,
    user,
    workflow,
)
from peopled import Peopled

from masterlinc.security.principal import Principal

Make = Callable[[Peopled, Principal], Awaitable[str]]


class Place(StrEnum):
    """How the thing that is asked for stands to the caller."""

    OWN = "their own"
    COLLEAGUE = "of a colleague"
    COUNTERPART = "of the other party that shares in it"
    RIVAL = "of another organization of the same kind"
    STRANGER = "of a party that has no share in it"
    DELETED = "their own, deleted"
    DELETED_RIVAL = "of another organization, deleted"
    ABSENT = "never there"
    OTHER_KIND = "of another kind"
    MISSHAPED = "no number at all"


HERE = frozenset({Place.OWN, Place.COLLEAGUE})
EVERYBODY = HERE | {Place.COUNTERPART, Place.RIVAL, Place.STRANGER}


@dataclass(frozen=True)
class Thing:
    """What a path parameter names: how one is made, who may see it, and how it is taken away again."""

    make: Make
    seen: frozenset[Place] = HERE
    payers: bool = False  # it belongs to a payer, and the counterpart is a provider
    prefix: str = ""  # of its number; without one, it has a name of its own
    column: str = ""  # schema.table.column that holds its number or name; without one, it is no row
    hidden: str = "not-found"  # the code of the 404


def open_name(name: str) -> Thing:
    """A name that is the same for everybody, and no row of anybody."""

    async def make(_: Peopled, __: Principal) -> str:
        return name

    return Thing(make, seen=EVERYBODY)


# By the name of the parameter.
THINGS: Mapping[str, Thing] = {
    "agent_id": open_name("claimlinc"),
    "provider": replace(open_name("hospital"), hidden="provider-unknown"),
    "file_path": open_name("swagger-ui.css"),
    "claim_id": Thing(claim, seen=HERE | {Place.COUNTERPART}, prefix="CLM", column="claimlinc.claim.id"),
    "authorization_id": Thing(
        authorization, seen=HERE | {Place.COUNTERPART}, prefix="AUT", column="claimlinc.preauthorization.id"
    ),
    "patient_id": Thing(patient, prefix="PAT", column="doctorlinc.patient.id", hidden="patient-unknown"),
    "policy_number": Thing(
        # A provider asks any payer about a policy whose number it was shown; a payer knows its own only.
        policy,
        seen=HERE | {Place.COUNTERPART, Place.STRANGER},
        payers=True,
        column="policylinc.policy.policy_number",
        hidden="policy-not-found",
    ),
    "review": Thing(review, payers=True, prefix="RVW", column="claimlinc.review_case.id"),
    "member_id": Thing(member, payers=True, prefix="MBR", column="policylinc.member.id", hidden="member-not-found"),
    "batch": Thing(batch, payers=True, prefix="PAY", column="claimlinc.payment_batch.id"),
    "remittance": Thing(remittance, prefix="PAY", column="claimlinc.payment_batch.id"),
    "line": Thing(bank_line, prefix="BNK", column="claimlinc.bank_line.id"),
    "grant": Thing(emergency, prefix="BRG", column="authlinc.emergency_access.id"),
    "proposal": Thing(proposal, payers=True, prefix="PRP", column="policylinc.proposal.id"),
    "organization": Thing(organization, seen=EVERYBODY, prefix="ORG", column="authlinc.organization.id"),  # a directory
    "session": Thing(session, prefix="SES", column="authlinc.session.id"),
    "user": Thing(user, prefix="USR", column="authlinc.user_account.id"),
    "workflow": Thing(workflow, prefix="WFL", column="masterlinc.workflow.id"),
}
# Where one name means different things on different routes: by the path up to the parameter.
THINGS_AT: Mapping[str, Thing] = {
    "/api/v1/auth/api-keys/{key}": Thing(api_key, prefix="APK", column="authlinc.api_key.id"),
    "/api/v1/auth/clients/{client}": Thing(client, prefix="CLI", column="authlinc.oauth_client.id"),
    "/api/v1/auth/sessions/{session}": Thing(
        session, seen=frozenset({Place.OWN}), prefix="SES", column="authlinc.session.id"
    ),
    "/api/v1/audit/patients/{patient_id}": Thing(patient, prefix="PAT"),  # who saw them is known when they are gone
    "/api/v1/messages/{message_id}": Thing(message, prefix="INB", column="masterlinc.message.id"),
    "/api/v1/nphies/messages/{message_id}": Thing(nphies_message, prefix="MSG", column="nphieslinc.message.id"),
}

# What a colleague's thing, or the other party's, needs besides the route's permission, and the code of the refusal.
BEYOND: Mapping[str, tuple[Place, str, str]] = (
    {
        f"POST /api/v1/authorizations/{{authorization_id}}/{act}": (Place.COUNTERPART, "of nobody", "not-the-provider")
        for act in ("cancel", "extend")
    }
    | {
        "DELETE /api/v1/auth/break-glass/{grant}": (Place.COLLEAGUE, "user:manage", "not-your-access"),
    }
    | {
        f"POST /api/v1/workflows/{{workflow}}/{act}": (Place.COLLEAGUE, "workflow:manage", "not-the-starter")
        for act in ("retry", "cancel", "signal", "fork")
    }
)

# What allowed callers get, where it is not the route's own status.
ANSWERS: Mapping[str, frozenset[int]] = {
    "GET /api/v1/claims/{claim_id}/review": frozenset({200, 404}),  # to its provider; its payer has the case
    "POST /api/v1/claims/{claim_id}/appeals": frozenset({409, 404}),  # it is not decided yet
    "POST /api/v1/claims/{claim_id}/information": frozenset({409, 404}),  # nothing was asked
    "PUT /api/v1/reviews/{review}/assignee": frozenset({428}),  # no version is named
    "POST /api/v1/reviews/{review}/escalations": frozenset({428}),
    "POST /api/v1/reviews/{review}/questions": frozenset({428}),
    "POST /api/v1/reviews/{review}/decision": frozenset({428}),
    "POST /api/v1/reviews/{review}/confirmation": frozenset({428}),
    "POST /api/v1/reviews/{review}/rerun": frozenset({428}),
    "POST /api/v1/policies/proposals/{proposal}/approve": frozenset({428}),  # no version is named
    "POST /api/v1/policies/proposals/{proposal}/decline": frozenset({428}),
    "POST /api/v1/policies/proposals/{proposal}/withdraw": frozenset({428}),
    "POST /api/v1/payments/batches/{batch}/approve": frozenset({200, 409}),  # once, and not by who made it
    "POST /api/v1/payments/batches/{batch}/send": frozenset({409}),  # it is a draft
    "POST /api/v1/payments/batches/{batch}/settle": frozenset({409}),  # the same
    "POST /api/v1/payments/batches/{batch}/withdraw": frozenset({200, 409}),  # once
    "POST /api/v1/remittances/{remittance}/matches": frozenset({422}),  # there is no such bank line
    "DELETE /api/v1/bank-lines/{line}/match": frozenset({409}),  # it is not matched
    "POST /api/v1/claims/{claim_id}/cancel": frozenset({409, 404}),  # it waits for its answer; its payer only sees it
    "POST /api/v1/claims/{claim_id}/correct": frozenset({409, 404}),  # the same
    "GET /api/v1/auth/providers/{provider}/start": frozenset({404}),  # this system has no provider
    "GET /api/v1/auth/providers/{provider}/callback": frozenset({404}),
    "POST /api/v1/users/{user}/identity": frozenset({422}),  # no such provider
    "POST /api/v1/users/{user}/invitation": frozenset({409}),  # the user has a password
    "PATCH /api/v1/users/{user}": frozenset({428}),  # no version is named
    "PATCH /api/v1/organizations/{organization}": frozenset({428}),
    "POST /api/v1/organizations/{organization}/administrators": frozenset({201, 409}),  # the address is taken by then
    "GET /.well-known/oauth-authorization-server": frozenset({404}),  # this system has no address of its own
    "POST /api/v1/workflows/{workflow}/retry": frozenset({409}),  # it runs: there is nothing to try again
    "DELETE /api/v1/users/{user}/identity": frozenset({204, 403}),  # nobody takes from somebody above them
}

# Routes of the operator: the callers belong to it. Elsewhere the same roles get 403 with this code.
OPERATORS: Mapping[str, str] = {"GET /api/v1/research/claims": "research-is-the-operators"}

BODIES: Mapping[str, Any] = {
    "POST /api/v1/claims/{claim_id}/appeals": {"reason": "the matrix asks"},
    "POST /api/v1/claims/{claim_id}/information": {"text": "the matrix tells"},
    "PUT /api/v1/reviews/{review}/assignee": {"assignee": "me"},
    "POST /api/v1/reviews/{review}/escalations": {"text": "the matrix asks"},
    "POST /api/v1/reviews/{review}/questions": {"text": "the matrix asks"},
    "POST /api/v1/reviews/{review}/decision": {"lines": []},
    "POST /api/v1/reviews/{review}/confirmation": {"agree": True},
    "POST /api/v1/reviews/{review}/rerun": {},
    "POST /api/v1/policies/proposals/{proposal}/approve": {},
    "POST /api/v1/policies/proposals/{proposal}/decline": {"note": "the matrix asks"},
    "POST /api/v1/policies/proposals/{proposal}/withdraw": {},
    "POST /api/v1/payments/batches/{batch}/settle": {"paid_on": "2026-03-20", "bank_reference": "SNB-1"},
    "POST /api/v1/remittances/{remittance}/matches": {"bank_line_id": "BNK-00000000000000000000000000"},
    "POST /api/v1/claims/{claim_id}/cancel": {"reason": "WI"},
    "POST /api/v1/claims/{claim_id}/correct": {"patient_id": "MRN-1", "service_code": "83600-00-10", "amount": 100},
    "POST /api/v1/authorizations/{authorization_id}/extend": {"lines": [{"sequence": 1, "quantity": 1}]},
    "POST /api/v1/users/{user}/identity": {"provider": "hospital", "subject": "1"},
    "PATCH /api/v1/users/{user}": {"name": "Nora"},
    "PATCH /api/v1/organizations/{organization}": {"name": "A clinic"},
    "POST /api/v1/organizations/{organization}/administrators": {
        "email": "first@matrix.example",
        "name": "Amal",
        "name_ar": "أمل",
    },
    "POST /execute": {"task": "masterlinc.echo", "input": {"message": "hello"}},
    "POST /api/v1/workflow/execute": {
        "workflow_name": "matrix",
        "steps": [{"step_id": "only", "agent_id": "masterlinc", "action": "echo", "input_data": {"message": 1}}],
        "wait_seconds": 0,
    },
    "POST /api/v1/message/route": {
        "sender_id": "claimlinc",
        "receiver_id": "policylinc",
        "message_type": "note",
        "content": {"text": "hello"},
    },
    "POST /api/v1/workflows/{workflow}/cancel": {"reason": "the matrix asks"},
    "POST /api/v1/workflows/{workflow}/signal": {"name": "go"},
    "POST /api/v1/workflows/{workflow}/fork": {"from_step": "only"},
}
