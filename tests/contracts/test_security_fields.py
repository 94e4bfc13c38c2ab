"""docs/security-fields.md names every Struct that a route answers, its fields, and who sees it (case 47)."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import Struct, structs

from masterlinc.app import create_app
from masterlinc.errors import FieldError
from masterlinc.http.openapi import Problem
from masterlinc.registry import assemble, discover
from masterlinc.routes.workflow_views import WorkflowView
from masterlinc.secrets import Secret
from masterlinc.settings import load
from masterlinc.testing import MASTER_KEY
from nphieslinc.schemas import MessageView, SubmittedMessage

PAGE = Path(__file__).parents[2] / "docs/security-fields.md"
# Routes that answer bytes, with the Structs that they are made of, or none where it is no data of ours.
BYTES: dict[str, tuple[type, ...]] = {
    "/health": (),  # states of servers and agents
    "/health/live": (),
    "/health/ready": (),
    "/execute": (),  # what the task answers, to who holds its permission
    "/mcp": (),  # the same
    "/api/v1/remittances/{remittance:str}/csv": (),  # what the remittance answers, as a sheet, to the provider
    "/api/v1/audit/events/fhir": (),  # audit rows as AuditEvent resources, for auditors: docs/audit.md
    "/api/v1/auth/providers/{provider:str}/start": (),  # where the browser goes, and what it keeps for the way back
    "/api/v1/asyncapi.json": (),
    "/api/v1/delegate": (),  # a choice with its reasons, and the number of what it started
    "/api/v1/nphies/messages": (SubmittedMessage,),
    "/api/v1/nphies/messages/{message_id:str}": (MessageView,),
    **{f"/api/v1/workflows/{{workflow:str}}/{act}": (WorkflowView,) for act in ("retry", "cancel", "signal", "fork")},
}
# Words that no answer has a field for; a few are what the route is there to hand out.
NEVER = re.compile(r"hash|password|secret|sealed|blind|private|cipher|_index$|digest|national_id|iqama|passport")
HANDED_OUT = {
    "authlinc.factor_schemas.Enrolled.secret",  # to who enrols, once
    "authlinc.client_schemas.NewClient.secret",  # to who made the client, once
    "authlinc.key_schemas.NewKey.secret",  # to who made the key, once
    "authlinc.schemas.UserView.has_password",  # whether, not what
    "sbslinc.contract.SignedDocument.digest",  # of the caller's own document
}


def structs_in(annotation: Any) -> set[type[Struct]]:
    """Every Struct that an annotation speaks of, and those inside of them."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        found = {annotation}
        for field in structs.fields(annotation):
            found |= structs_in(field.type)
        return found
    return {one for inner in get_args(annotation) for one in structs_in(inner)}


def answer_of(path: str, handler: HTTPRouteHandler) -> set[type[Struct]]:
    """What a handler answers: by its annotation, by what it documents, or by the table above."""
    annotation = handler.parsed_return_field.annotation
    documented = [spec.data_container for spec in (handler.responses or {}).values()]
    seen = {one for told in (annotation, *documented, *BYTES.get(path, ())) for one in structs_in(told)}
    seen -= {Problem, FieldError}
    silent = annotation in {None, type(None)} or path in BYTES
    assert seen or silent, f"{path} answers what no Struct describes: say in BYTES what it is"
    return seen


def answered() -> dict[str, set[type[Struct]]]:
    """What each route answers."""
    settings = load("testing", environment={})
    settings.security.master_key, settings.tools.enabled = Secret(MASTER_KEY), True
    app = create_app(settings, assemble(settings, *discover()))
    found: dict[str, set[type[Struct]]] = {}
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if not handler.fn.__module__.startswith("litestar."):
                found.setdefault(route.path, set()).update(answer_of(route.path, handler))
    return found


ANSWERED = answered()
OUTPUTS = sorted(
    {one for seen in ANSWERED.values() for one in seen}, key=lambda one: (one.__module__, one.__qualname__)
)


def name_of(one: type[Struct]) -> str:
    return f"{one.__module__}.{one.__qualname__}"


def row(one: type[Struct]) -> str:
    return f"| `{name_of(one)}` | {', '.join(field.encode_name for field in structs.fields(one))} |"


def test_every_struct_of_an_answer_is_on_the_page_with_its_fields():
    text = PAGE.read_text(encoding="utf-8")
    missing = [row(one) for one in OUTPUTS if row(one) not in text]
    assert not missing, "\n".join(
        ["docs/security-fields.md lacks these; say behind each who sees it and why:", *missing]
    )
    told = set(re.findall(r"^\| `(\w+\.[\w.]+)` \|", text, re.MULTILINE))
    assert told == {name_of(one) for one in OUTPUTS}
    assert len(OUTPUTS) >= 40


def test_every_struct_says_who_sees_it():
    bare = re.findall(r"^\| `(\w+\.[\w.]+)` \| [^|]* \|\s*\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert bare == []


def test_no_answer_has_a_field_for_what_is_never_told():
    fields = {f"{name_of(one)}.{field.name}" for one in OUTPUTS for field in structs.fields(one)}
    told = {field for field in fields if NEVER.search(field.rpartition(".")[2])}
    assert told <= HANDED_OUT


@pytest.mark.parametrize(
    ("one", "never"),
    [
        ("PayerClaimDetail", {"patient_id", "findings", "reason", "submitted_by"}),
        ("PayerStepView", {"reason"}),
        ("AdjudicationView", {"inputs"}),
        ("ExplainedStep", {"inputs", "version"}),
        ("PatientSummary", {"contact_phone", "contact_email"}),
        ("ResearchGroup", {"claim_id", "patient_id", "provider_id", "organization_id", "submitted_at"}),
    ],
)
def test_an_audience_s_struct_lacks_what_is_the_other_s(one, never):
    (found,) = [struct for struct in OUTPUTS if struct.__name__ == one]
    assert never.isdisjoint(field.name for field in structs.fields(found))
