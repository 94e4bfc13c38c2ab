from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from policy_builders import Insured, insure, posting, product, use

from authlinc.contract import OrganizationKind
from masterlinc.context import Context
from masterlinc.ids import new_id, show
from masterlinc.testing import Running, bearer
from policylinc.contract import CoverStatus, LimitKind, LimitPer
from policylinc.ledger import post_benefits
from policylinc.service import set_policy_status

Ask = Callable[..., Any]


def question(insured: Insured, **changes: Any) -> dict[str, Any]:
    body = {
        "policy_number": insured.policy_number,
        "patient_id": insured.member_number,
        "service_code": "83600-00-10",
        "amount": 300.0,
        "service_date": "2026-03-01T10:00:00",
    }
    return body | changes


@pytest.fixture
def ask(client, running: Running) -> Ask:
    async def send(ctx: Context, body: dict[str, Any], **headers: str) -> Any:
        return await client.post(
            "/api/v1/policies/validate", json=body, headers=bearer(running, ctx.principal) | headers
        )

    return send


async def audited(ctx: Context, action: str) -> list[Any]:
    async with ctx.transaction() as tx:
        sql = "SELECT actor_id, patient, outcome, detail FROM masterlinc.audit_event WHERE action = $1"
        return await tx.fetch(sql, action)


async def test_a_provider_is_told_what_a_policy_pays(
    ask: Ask, clinic: Context, payer: Context, insured: Insured
) -> None:
    """300 - 100 deductible = 200; 20 % of it is 40."""
    answer = await ask(clinic, question(insured))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["is_valid"], body["status"], body["policy_number"]) == (True, "active", insured.policy_number)
    cover = body["coverage"]
    assert (cover["covered"], cover["coverage_percentage"], cover["copay_amount"]) == (True, 80, 40)
    assert (cover["deductible_remaining"], cover["patient_share"], cover["payer_share"]) == (100, 140, 160)
    assert cover["authorization_required"] is False
    assert len(cover["limitations"]) == len(cover["limitations_ar"]) == 4
    assert "No contract" in cover["limitations"][-1]
    assert body["message"].startswith("Policy ")
    assert body["message_ar"].startswith("تغطي")
    assert body["member_number"] == insured.member_number
    assert b'"copay_amount":40.00' in answer.content
    (row,) = await audited(payer, "policy.validated")
    assert (row["actor_id"], row["patient"]) == (clinic.principal.user_id, insured.member_id)


async def test_use_is_counted(ask: Ask, clinic: Context, payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "1950.00", "60.00")))
    cover = (await ask(clinic, question(insured, service_code="012"))).json()["coverage"]
    assert (cover["deductible_remaining"], cover["payer_share"], cover["patient_share"]) == (40, 50, 250)
    await post_benefits(payer, posting(insured, use("dental", "50.00")))
    cover = (await ask(clinic, question(insured, service_code="012"))).json()["coverage"]
    assert (cover["covered"], cover["coverage_percentage"], cover["payer_share"]) == (False, 0, 0)


async def test_an_approval_is_needed_above_an_amount_or_always(ask: Ask, clinic: Context, insured: Insured) -> None:
    low = (await ask(clinic, question(insured, amount=500))).json()["coverage"]
    high = (await ask(clinic, question(insured, amount="500.01"))).json()["coverage"]
    assert (low["authorization_required"], high["authorization_required"]) == (False, True)


async def test_a_benefit_that_the_class_lacks_is_not_covered(ask: Ask, clinic: Context, insured: Insured) -> None:
    body = (await ask(clinic, question(insured, service_code="42503-00-02"))).json()
    assert body["is_valid"] is True
    assert body["coverage"]["covered"] is False
    assert "does not cover" in body["message"]


async def test_an_unknown_policy_is_answered_not_refused(ask: Ask, clinic: Context, insured: Insured) -> None:
    answer = await ask(clinic, question(insured, policy_number="NO-SUCH-POLICY"))
    body = answer.json()
    assert answer.status_code == 200
    assert (body["is_valid"], body["status"], body["coverage"]["covered"]) == (False, "inactive", False)
    assert "NO-SUCH-POLICY" in body["message"]
    assert "NO-SUCH-POLICY" in body["message_ar"]
    (row,) = await audited(clinic, "policy.validated")
    assert row["outcome"] == "not-found"


async def test_a_policy_out_of_its_days_or_suspended_is_not_valid(
    ask: Ask, clinic: Context, payer: Context, insured: Insured
) -> None:
    before = (await ask(clinic, question(insured, service_date="2025-12-31"))).json()
    assert (before["is_valid"], before["status"]) == (False, "inactive")
    await set_policy_status(payer, insured.payer, insured.policy_number, CoverStatus.SUSPENDED)
    suspended = (await ask(clinic, question(insured))).json()
    assert (suspended["is_valid"], suspended["status"]) == (False, "suspended")
    assert "موقوفة" in suspended["message_ar"]


async def test_a_patient_is_matched_by_identity_number_or_member_key(
    ask: Ask, clinic: Context, insured: Insured
) -> None:
    for reference in (insured.identifier.value, show("MBR", insured.member_id)):
        body = (await ask(clinic, question(insured, patient_id=reference))).json()
        assert body["member_number"] == insured.member_number


async def test_a_patient_who_cannot_be_matched_is_said_not_refused(ask: Ask, clinic: Context, insured: Insured) -> None:
    for reference in ("MRN-1", show("PAT", new_id()), "PAT-4711"):
        body = (await ask(clinic, question(insured, patient_id=reference))).json()
        assert (body["is_valid"], body["member_number"]) == (True, None)
        assert any("could not be matched" in one for one in body["coverage"]["limitations"])


async def test_a_member_of_another_policy_is_not_valid(
    ask: Ask, clinic: Context, payer: Context, insured: Insured
) -> None:
    from policy_builders import policy

    from policylinc.service import create_policy

    await create_policy(payer, insured.payer, policy(f"Q-{new_id().hex}"))
    other = f"Q-{new_id().hex[:20]}"
    await create_policy(payer, insured.payer, policy(other))
    body = (await ask(clinic, question(insured, policy_number=other))).json()
    assert (body["is_valid"], body["coverage"]["covered"]) == (False, False)
    assert "not a member" in body["message"]


async def test_an_unknown_code_is_taken_for_outpatient_and_said(ask: Ask, clinic: Context, insured: Insured) -> None:
    cover = (await ask(clinic, question(insured, service_code="CONSULT-1"))).json()["coverage"]
    assert cover["benefit"] == "outpatient"
    assert any("not recognised" in text for text in cover["limitations"])


async def test_a_caller_of_arabic_is_answered_in_arabic(ask: Ask, clinic: Context, insured: Insured) -> None:
    body = (await ask(clinic, question(insured), **{"Accept-Language": "ar-SA"})).json()
    assert body["message"] == body["message_ar"]
    assert body["coverage"]["limitations"] == body["coverage"]["limitations_ar"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": "١٢"}, "amount"),
        ({"amount": 1.005}, "amount"),
        ({"policy_number": ""}, "policy_number"),
        ({"patient_id": "x" * 65}, "patient_id"),
        ({"service_date": "31/12/2026"}, "service_date"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_field(
    ask: Ask, clinic: Context, insured: Insured, change: dict[str, Any], path: str
) -> None:
    answer = await ask(clinic, question(insured, **change))
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]


async def test_many_services_are_answered_by_one_reading(
    client, running: Running, clinic: Context, payer: Context, insured: Insured, statements
) -> None:
    body = {key: value for key, value in question(insured).items() if key not in {"service_code", "amount"}}
    services = [
        {"service_code": "012", "amount": 100},
        {"service_code": "83600-00-10", "amount": "600.00"},
        {"service_code": "42503-00-02", "amount": 50},
    ]
    headers = bearer(running, clinic.principal)
    with statements() as ran:
        answer = await client.post("/api/v1/policies/eligibility", json=body | {"services": services}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert len([one for one in ran if "json_build_object" in one]) == 1
    told = answer.json()
    assert (told["is_valid"], told["status"], told["member_number"]) == (True, "active", insured.member_number)
    assert [one["service_code"] for one in told["services"]] == [one["service_code"] for one in services]
    covers = [one["coverage"] for one in told["services"]]
    assert [one["covered"] for one in covers] == [True, True, False]
    assert [one["authorization_required"] for one in covers] == [False, True, False]
    assert all(one["message"] and one["message_ar"] for one in told["services"])
    alone = await client.post("/api/v1/policies/validate", json=question(insured, amount=600), headers=headers)
    assert alone.json()["coverage"] == covers[1]
    (row, _) = await audited(payer, "policy.validated")
    assert row["patient"] == insured.member_id


@pytest.mark.parametrize(
    ("services", "paths"),
    [
        ([], ["services"]),
        ([{"service_code": "1", "amount": 1}] * 101, ["services"]),
        (
            [{"service_code": "\u202e", "amount": 0}, {"service_code": "1", "amount": 1}],
            ["services[0].service_code", "services[0].amount"],
        ),
    ],
)
async def test_services_that_cannot_be_asked_are_refused(
    client, running: Running, clinic: Context, insured: Insured, services: list[Any], paths: list[str]
) -> None:
    body = {"policy_number": insured.policy_number, "patient_id": "1", "services": services}
    answer = await client.post("/api/v1/policies/eligibility", json=body, headers=bearer(running, clinic.principal))
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == paths


async def test_another_payer_sees_nothing_of_a_policy(
    client, ask: Ask, running: Running, new_context, insured: Insured
) -> None:
    rival = await new_context(OrganizationKind.PAYER, "payer_admin")
    assert (await ask(rival, question(insured))).json()["is_valid"] is False
    answer = await client.get(
        f"/api/v1/policies/{insured.policy_number}/coverage", headers=bearer(running, rival.principal)
    )
    assert answer.status_code == 404
    assert answer.json()["code"] == "policy-not-found"
    assert answer.json()["detail_ar"]


async def test_both_routes_ask_for_their_permission(
    client, ask: Ask, running: Running, make_principal, insured: Insured
) -> None:
    researcher = make_principal("researcher")
    answer = await client.post("/api/v1/policies/validate", json=question(insured), headers=bearer(running, researcher))
    assert answer.status_code == 403
    answer = await client.get("/api/v1/policies/P-1/coverage", headers=bearer(running, researcher))
    assert answer.status_code == 403
    assert (await client.get("/api/v1/policies/P-1/coverage")).status_code == 401


async def test_coverage_adds_up(client, running: Running, clinic: Context, payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "150.50"), use("outpatient", "49.50")))
    headers = bearer(running, clinic.principal)
    answer = await client.get(f"/api/v1/policies/{insured.policy_number}/coverage", headers=headers)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["policy_number"], body["policy_type"], body["insurer"]) == (
        insured.policy_number,
        "CHI_STANDARD",
        "An insurer",
    )
    assert (body["effective_date"], body["expiry_date"]) == ("2026-01-01", "2026-12-31")
    assert (body["annual_limit"], body["used_amount"], body["remaining_amount"]) == (10_000, 200, 9_800)
    assert body["covered_services"] == ["dental", "inpatient", "outpatient", "pharmacy"]
    assert b'"used_amount":200.00' in answer.content


async def test_coverage_of_one_member(
    client, running: Running, clinic: Context, payer: Context, insured: Insured
) -> None:
    from policy_builders import national_id

    from policylinc.drafts import MemberDraft
    from policylinc.service import enrol_member

    second = MemberDraft(
        policy_number=insured.policy_number,
        member_number=f"M-{new_id().hex}",
        name="Omar",
        identifiers=(national_id(9),),
    )
    await enrol_member(payer, insured.payer, second)
    await post_benefits(payer, posting(insured, use("dental", "200.00")))
    url, headers = f"/api/v1/policies/{insured.policy_number}/coverage", bearer(running, clinic.principal)
    whole = (await client.get(url, headers=headers)).json()
    assert (whole["members"], whole["annual_limit"], whole["remaining_amount"]) == (2, 20_000, 19_800)
    own = (await client.get(url, params={"member": second.member_number}, headers=headers)).json()
    assert (own["used_amount"], own["remaining_amount"], own["member_number"]) == (0, 10_000, second.member_number)
    stranger = await client.get(url, params={"member": "M-0"}, headers=headers)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "member-not-found")


async def test_coverage_tells_of_parts_and_other_limits(
    client, running: Running, clinic: Context, payer: Context
) -> None:
    """Of a crown 400 are used, which counts for dental too; one of two units of the year is left."""
    from policylinc.drafts import BenefitDraft, ClassDraft, LimitDraft

    crown = BenefitDraft(
        benefit="crown",
        parent="dental",
        codes=("97613*",),
        waiting_days=30,
        limits=(LimitDraft(kind=LimitKind.COUNT, per=LimitPer.YEAR, value=Decimal(2)),),
    )
    granted = (BenefitDraft(benefit="dental", year_limit=Decimal(2000)), crown)
    classes = (ClassDraft(policy_class="C", annual_limit=Decimal(10_000), benefits=granted),)
    insured = await insure(payer, payer.principal.organization_id, made=product(classes=classes))
    await post_benefits(payer, posting(insured, use("crown", "400.00", count=1)))
    url, headers = f"/api/v1/policies/{insured.policy_number}/coverage", bearer(running, clinic.principal)
    own = (await client.get(url, params={"member": insured.member_number}, headers=headers)).json()
    told = {one["benefit"]: one for one in own["benefits"]}
    assert (own["used_amount"], told["dental"]["used"], told["crown"]["used"]) == (400, 400, 400)
    assert (told["crown"]["parent"], told["crown"]["waiting_days"], told["crown"]["copay_cap_per"]) == (
        "dental",
        30,
        "visit",
    )
    assert told["crown"]["limits"] == [{"kind": "count", "per": "year", "value": 2, "used": 1, "left": 1}]
    whole = (await client.get(url, headers=headers)).json()
    (limit,) = next(one["limits"] for one in whole["benefits"] if one["benefit"] == "crown")
    assert (limit["used"], limit["left"]) == (None, None)


async def test_two_payers_with_one_policy_number(
    ask: Ask, client, running: Running, clinic: Context, new_context, insured: Insured
) -> None:
    from policy_builders import policy, product

    from policylinc.service import create_policy, create_product

    rival = await new_context(OrganizationKind.PAYER, "payer_admin")
    home = rival.principal.organization_id
    await create_product(rival, home, product())
    await create_policy(rival, home, policy(insured.policy_number))
    unclear = (await ask(clinic, question(insured, patient_id="MRN-1"))).json()
    assert (unclear["is_valid"], "More than one payer" in unclear["message"]) == (False, True)
    assert (await ask(clinic, question(insured))).json()["is_valid"] is True
    assert (await ask(rival, question(insured, patient_id="MRN-1"))).json()["is_valid"] is True
    url, headers = f"/api/v1/policies/{insured.policy_number}/coverage", bearer(running, clinic.principal)
    assert (await client.get(url, headers=headers)).status_code == 409
    assert (await client.get(url, params={"member": insured.member_number}, headers=headers)).status_code == 200


async def test_a_provider_asks_about_its_own_patient(ask: Ask, clinic: Context, payer: Context) -> None:
    from datetime import date

    from doctorlinc import service as patients
    from doctorlinc.schemas import PatientForm

    insured = await insure(payer, payer.principal.organization_id, serial=77)
    form = PatientForm(
        name="Sara Khan", date_of_birth=date(1990, 5, 1), gender="female", national_id=insured.identifier.value
    )
    patient = await patients.register_patient(clinic.for_agent("doctorlinc"), form)
    body = (await ask(clinic, question(insured, patient_id=patient.patient_id))).json()
    assert body["member_number"] == insured.member_number


@pytest.mark.parametrize("number", ["%00", "P%E2%80%AE1", "%20", "x" * 300, "%D9%A0%D9%A1", "..%2F.."])
async def test_an_address_of_any_characters_is_not_found(
    client, running: Running, clinic: Context, number: str
) -> None:
    headers = bearer(running, clinic.principal)
    assert (await client.get(f"/api/v1/policies/{number}/coverage", headers=headers)).status_code == 404


@pytest.mark.parametrize("member", ["", "%00", "%E2%80%AE", "MBR-1", "PAT-", "x" * 300])
async def test_a_member_of_any_characters_is_not_found(
    client, running: Running, clinic: Context, insured: Insured, member: str
) -> None:
    url = f"/api/v1/policies/{insured.policy_number}/coverage?member={member}"
    assert (await client.get(url, headers=bearer(running, clinic.principal))).status_code == 404


async def test_101_characters_that_cannot_be_shown_are_refused_in_numbers(
    ask: Ask, clinic: Context, insured: Insured
) -> None:
    for name, value in (("policy_number", "P\u202e1"), ("patient_id", "\u202e\u200b"), ("service_code", "\u202e")):
        answer = await ask(clinic, question(insured, **{name: value}))
        assert answer.status_code == 422
        assert [fault["path"] for fault in answer.json()["errors"]] == [name]
