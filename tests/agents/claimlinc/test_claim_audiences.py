"""What reaches whom of a claim: neither party is told what is the other's own (case 47)."""

import msgspec
import pytest

from claimlinc.contract import TraceStep
from claimlinc.schemas import (
    AdjudicationView,
    ClaimDetail,
    ClaimPage,
    ClaimView,
    DecidedLine,
    ExplainedLine,
    ExplainedStep,
    PayerAdjudicationView,
    PayerClaimDetail,
    PayerClaimPage,
    PayerClaimView,
    PayerStepView,
    StepView,
)
from claimlinc.service import audiences
from masterlinc.ids import new_id
from masterlinc.testing import bearer

RECORD, NOTE, PHONE = "MRN-CANARY-7", "canary note of the doctor", "+966550000077"


def names(struct):
    return {field.encode_name for field in msgspec.structs.fields(struct)}


@pytest.fixture
def asked(client, running, parties):
    """Submit a claim full of what is the provider's own, and read it as either party."""

    async def ask():
        form = {
            "patient_id": RECORD,
            "service_code": "83600-00-10",
            "amount": 200,
            "service_date": "2026-03-10",
            "notes": NOTE,
            "payer_id": parties.payer_license,
            "policy_number": parties.policy_number,
            "member_number": parties.member_number,
            "claim_number": f"C-{new_id().hex[-10:]}",
        }
        provider, payer = (bearer(running, one.principal) for one in (parties.provider, parties.payer))
        answer = await client.post("/api/v1/claims/submit", json=form, headers=provider)
        assert answer.status_code == 201, answer.text
        path = f"/api/v1/claims/{answer.json()['claim_id']}"
        paths = {"claim": path, "list": "/api/v1/claims", "decision": f"{path}/adjudication"}
        return {
            name: [await client.get(at, headers=headers) for headers in (provider, payer)] for name, at in paths.items()
        }

    return ask


async def test_each_party_gets_the_fields_of_its_own_shape_and_no_other(asked):
    seen = await asked()
    shapes = {
        "claim": (ClaimDetail, PayerClaimDetail),
        "list": (ClaimPage, PayerClaimPage),
        "decision": (AdjudicationView, PayerAdjudicationView),
    }
    for name, answers in seen.items():
        for answer, shape in zip(answers, shapes[name], strict=True):
            assert (answer.status_code, {*answer.json()}) == (200, names(shape)), name
    for answer, shape, step in zip(seen["claim"], (ClaimView, PayerClaimView), (StepView, PayerStepView), strict=True):
        assert {*answer.json()} >= names(shape)
        assert all({*one} == names(step) for one in answer.json()["workflow_steps"])


async def test_a_payer_knows_the_member_and_not_the_provider_s_patient(asked, parties):
    seen = await asked()
    for name in ("claim", "list", "decision"):
        to_payer = seen[name][1].text
        for own in (RECORD, NOTE, PHONE):
            assert own not in to_payer, name
    assert seen["claim"][0].json()["patient_id"] == RECORD
    assert seen["claim"][1].json()["member_number"] == parties.member_number
    assert seen["list"][1].json()["claims"][0]["member_number"] == parties.member_number


def test_a_provider_is_told_the_words_of_a_rule_and_not_what_it_was_based_on():
    step = msgspec.convert(
        {"rule": "r", "version": "9", "inputs": {"contract": "CANARY"}, "result": "x", "text": "t", "text_ar": "ت"},
        TraceStep,
    )
    line = dict.fromkeys(names(ExplainedLine)) | {"trace": (step,)}
    view = PayerAdjudicationView(
        **dict.fromkeys(names(PayerAdjudicationView)) | {"lines": [DecidedLine(**line)], "trace": (step,), "errors": []}
    )
    told = audiences.explained(view)
    assert told.trace == told.lines[0].trace == (ExplainedStep("r", "x", "t", "ت"),)
    assert b"CANARY" not in msgspec.json.encode(told)
    assert b"CANARY" in msgspec.json.encode(view)


async def test_filters_tell_nothing_that_is_not_shown(client, running, parties, asked):
    """Another word in the query finds nothing out: what is not a filter of the list changes nothing (case 48)."""
    await asked()
    payer = bearer(running, parties.payer.principal)

    async def listed(query):
        page = (await client.get(f"/api/v1/claims?{query}", headers=payer)).json()
        return [claim["claim_id"] for claim in page["claims"]], page["total"]

    whole = await listed("")
    assert whole[1] == 1
    for query in (f"patient_id={RECORD}", "patient_id=none", "diagnosis=J06.9", "_sort=total", "findings=1", "notes=x"):
        assert await listed(query) == whole, query
