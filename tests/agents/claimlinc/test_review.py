"""Pended claims taken to their end by people: whole or not at all, four eyes above an amount, one of two who decide."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest
from claim_builders import line, sar
from review_desk import Desk, approve, open_desk, partial, reject

from claimlinc.contract import ClaimStatus
from claimlinc.errors import (
    ClaimStateRefused,
    ProposalChanged,
    RulesStillPend,
    RulingInvalid,
    SamePerson,
)
from claimlinc.review_schemas import (
    AssigneeForm,
    ConfirmationForm,
    RerunForm,
    ReviewTermsForm,
    RulingsForm,
    SaidForm,
)
from claimlinc.service import judging, review_terms, reviewing
from masterlinc import ids
from masterlinc.errors import Forbidden, Invalid, NotFound, PreconditionFailed, PreconditionRequired
from masterlinc.money import Quantity


@pytest.fixture
def desk(running, parties, make_principal) -> Desk:
    return open_desk(running, parties, make_principal)


async def test_a_pended_decision_opens_a_case_with_its_lines_trace_and_history(desk):
    """Quantity 0: nothing is priced, posted or paid; the case waits with the reason in both languages."""
    case = await desk.pended(line("200", "30", quantity="0"))
    shown = await desk.show(case)
    assert (shown.status, shown.cause, shown.decision_number, shown.claim_id) == ("pended", "pended", 1, None)
    assert [one.quantity for one in shown.lines] == [0]
    (one,) = shown.adjudication.lines
    assert (one.outcome, one.denial_code) == ("pended", "SE-1-9")
    assert "quantity of 0" in one.reason
    assert one.trace[-1].text_ar
    assert one.trace[-1].inputs
    assert [(step.event, step.role, step.actor) for step in shown.history] == [("pend", "payer", None)]
    assert await desk.used() == 0


async def test_the_queue_shows_what_is_asked_for_with_the_oldest_due_first(desk):
    first, second, third = [await desk.pended(line("10", quantity="0")) for _ in range(3)]
    await desk.take(second)
    await reviewing.escalate(desk.reviewer, third.reference, SaidForm("It is hard."), await desk.tag(third))
    listed = {show: await desk.listed(show) for show in ("open", "mine", "unassigned", "escalated", "due")}
    assert listed["open"] == [first.reference, second.reference, third.reference]
    assert (listed["mine"], listed["unassigned"]) == ([second.reference], [first.reference, third.reference])
    assert (listed["escalated"], listed["due"]) == ([third.reference], [])
    page, counted = await reviewing.list_cases(desk.reviewer, "open", limit=1, offset=1)
    assert ([one.review_id for one in page], counted) == ([second.reference], 3)
    async with desk.reviewer.transaction() as tx:
        await tx.execute(
            "UPDATE claimlinc.review_case SET due_at = opened_at, opened_at = opened_at - interval '1 day',"
            " version = version + 1 WHERE id = $1",
            third.id,
        )
    assert await desk.listed("due") == [third.reference]
    assert (await desk.listed("open"))[0] == third.reference
    with pytest.raises(Invalid):
        await desk.listed("everything")


async def test_a_case_is_taken_given_and_put_back_in_the_version_that_was_seen(desk):
    case = await desk.pended(line("10", quantity="0"))
    seen = await desk.tag(case)
    await reviewing.assign(desk.reviewer, case.reference, AssigneeForm("me"), seen)
    assert (await desk.show(case)).assignee == ids.show("USR", desk.reviewer.principal.user_id)
    with pytest.raises(PreconditionFailed):
        await reviewing.assign(desk.senior, case.reference, AssigneeForm("me"), seen)
    with pytest.raises(PreconditionRequired):
        await reviewing.assign(desk.senior, case.reference, AssigneeForm("me"), None)
    await reviewing.assign(desk.senior, case.reference, AssigneeForm(None), await desk.tag(case))
    assert (await desk.show(case)).assignee is None


async def test_a_case_is_given_to_somebody_of_the_payer_who_may_decide(desk):
    case = await desk.pended(line("10", quantity="0"))
    adjudicator, admin = [await desk.account(role) for role in ("adjudicator", "payer_admin")]
    stranger = ids.show("USR", desk.stranger.principal.user_id)
    for wrong in (admin, stranger, "somebody"):
        with pytest.raises(Invalid):
            await reviewing.assign(desk.reviewer, case.reference, AssigneeForm(wrong), await desk.tag(case))
    await reviewing.assign(desk.reviewer, case.reference, AssigneeForm(adjudicator), await desk.tag(case))
    assert (await desk.show(case)).assignee == adjudicator


async def test_tax_on_a_price_of_nothing_can_only_be_rejected(desk):
    """15 of tax on 0: there is nothing to pay before tax, so nothing to approve."""
    case = await desk.pended(line("0", "15"))
    assert (await desk.show(case)).adjudication.lines[0].denial_code == "BE-1-6"
    with pytest.raises(RulingInvalid) as refused:
        await desk.decide(case, approve(1))
    assert [one.path for one in refused.value.errors] == ["lines[0].decision"]
    await desk.decide(case, reject(1))
    assert (await desk.show(case)).status == "rejected"
    assert await desk.used() == 0


async def test_a_claim_without_a_quantity_is_approved_by_the_real_one(desk):
    """2 x 100, dental: 200 allowed, co-pay 15 % = 30, the payer 170; 170 counts against the limit."""
    case = await desk.pended(line("100", quantity="0"))
    await desk.decide(case, approve(1, quantity=Quantity(2)))
    shown = await desk.show(case)
    (one,) = shown.adjudication.lines
    assert (shown.status, shown.decision_number) == ("approved", 2)
    assert (one.allowed, one.copay, one.payer_share, one.approved_quantity) == (sar(200), sar(30), sar(170), 2)
    assert one.billed == sar(0)
    assert await desk.used() == Decimal(170)
    steps = [step for step in one.trace if step.rule == "review"]
    assert steps[0].inputs["reviewer"] == ids.show("USR", desk.reviewer.principal.user_id)
    assert steps[0].text_ar.startswith("وافق مراجع")


async def test_a_claim_whose_figures_differ_is_decided_in_part(desk):
    """Billed 250 for 2 x 100: 200 are allowed with a reason; co-pay 30, the payer 170."""
    case = await desk.pended(line("100", quantity="2", net=sar(250)))
    await desk.decide(case, partial(1, amount=sar(200), denial_code="BE-1-6"))
    shown = await desk.show(case)
    (one,) = shown.adjudication.lines
    assert (shown.status, one.outcome, one.denial_code) == ("partial", "partial", "BE-1-6")
    assert (one.billed, one.allowed, one.payer_share, one.patient_share) == (sar(250), sar(200), sar(170), sar(30))
    assert await desk.used() == Decimal(170)


async def test_a_claim_without_a_price_is_rejected_or_priced_by_hand(desk):
    """No contract gives a price: one line is priced by hand, the other one rejected; 15 % of 80 is 12."""
    await desk.without_a_price()
    case = await desk.pended(line("100"), line("50", sequence=2))
    with pytest.raises(RulingInvalid) as refused:
        await desk.decide(case, partial(1, amount=sar(80)))
    assert [(one.path, one.code) for one in refused.value.errors] == [("lines", "missing")]
    assert await desk.used() == 0
    await desk.decide(case, partial(1, amount=sar(80)), reject(2))
    shown = await desk.show(case)
    assert [(one.outcome, one.payer_share) for one in shown.adjudication.lines] == [
        ("partial", sar(68)),
        ("rejected", sar(0)),
    ]
    assert shown.adjudication.lines[1].reason_ar.startswith("رفض مراجع")
    assert await desk.used() == Decimal(68)


async def test_the_rules_decide_again_once_there_is_a_price(desk):
    await desk.without_a_price()
    case = await desk.pended(line("100"))
    with pytest.raises(RulesStillPend):
        await judging.rerun_case(desk.reviewer, case.reference, RerunForm(), await desk.tag(case))
    assert (await desk.show(case)).decision_number == 1
    await desk.with_a_price("90")
    await judging.rerun_case(desk.reviewer, case.reference, RerunForm(), await desk.tag(case))
    shown = await desk.show(case)
    (one,) = shown.adjudication.lines
    assert (shown.status, one.allowed, one.denial_code) == ("partial", sar(90), "BE-1-3")
    assert await desk.used() == Decimal("76.50")


async def test_every_fault_of_a_ruling_is_named(desk):
    case = await desk.pended(line("100", quantity="0"), line("10", sequence=2))
    rulings = [
        approve(1),
        partial(2, denial_code="XX-1-1", reason=" ", amount=sar(11)),
        reject(9),
        approve(2),
    ]
    with pytest.raises(RulingInvalid) as refused:
        await desk.decide(case, *rulings)
    assert {one.path for one in refused.value.errors} == {
        "lines[0].quantity",
        "lines[1].denial_code",
        "lines[1].reason",
        "lines[1].amount",
        "lines[2].sequence",
        "lines[3].sequence",
    }
    assert all(one.detail_ar for one in refused.value.errors)


async def test_limits_hold_unless_who_may_overrides_them_with_a_reason(desk):
    """Of the dental limit of 2000 the payer pays 2000 of 2550; with an override all 2550, 85 % of 3000."""
    case = await desk.pended(line("3000", quantity="0"))
    one = approve(1, quantity=Quantity(1), override=True)
    with pytest.raises(Forbidden):
        await desk.decide(case, one)
    with pytest.raises(RulingInvalid) as refused:
        await judging.decide_case(desk.senior, case.reference, RulingsForm((one,)), await desk.tag(case))
    assert {fault.path for fault in refused.value.errors} == {
        "lines[0].override_reason",
        "lines[0].override_reason_ar",
    }
    words = {"override_reason": "Court order 7.", "override_reason_ar": "حكم قضائي 7."}
    one = approve(1, quantity=Quantity(1), override=True, **words)
    await judging.decide_case(desk.senior, case.reference, RulingsForm((one,)), await desk.tag(case))
    assert (await desk.show(case)).status == "approved"
    assert await desk.used() == Decimal(2550)


async def test_a_limit_holds_for_a_reviewer(desk):
    """Of the dental limit of 2000 the payer pays 2000 of 2550 (85 % of 3000)."""
    case = await desk.pended(line("3000", quantity="0"))
    await desk.decide(case, approve(1, quantity=Quantity(1)))
    assert (await desk.show(case)).adjudication.lines[0].denial_code == "CV-1-8"
    assert await desk.used() == Decimal(2000)


async def test_above_the_amount_another_person_has_to_agree(desk):
    """One person may decide up to SAR 100; 170 waits for another one, and nothing is posted meanwhile."""
    await desk.alone_up_to(100)
    case = await desk.pended(line("200", quantity="0"))
    moved = await desk.decide(case, approve(1, quantity=Quantity(1)))
    assert moved.state is ClaimStatus.SECOND_REVIEW
    assert await desk.used() == 0
    shown = await desk.show(case)
    assert (shown.decision_number, shown.proposal.payer_share) == (1, sar(170))
    with pytest.raises(SamePerson):
        await judging.confirm_case(desk.reviewer, case.reference, ConfirmationForm(agree=True), await desk.tag(case))
    with pytest.raises(ClaimStateRefused):
        await desk.decide(case, approve(1, quantity=Quantity(1)))
    await judging.confirm_case(desk.senior, case.reference, ConfirmationForm(agree=True), await desk.tag(case))
    shown = await desk.show(case)
    assert (shown.status, shown.decision_number, shown.proposal) == ("approved", 2, None)
    inputs = next(step.inputs for step in shown.adjudication.lines[0].trace if step.rule == "review")
    assert inputs["second_reviewer"] == ids.show("USR", desk.senior.principal.user_id)
    assert await desk.used() == Decimal(170)


async def test_a_second_person_sends_back_what_is_not_right(desk):
    await desk.alone_up_to(100)
    case = await desk.pended(line("200", quantity="0"))
    await desk.decide(case, approve(1, quantity=Quantity(1)))
    form = ConfirmationForm(agree=False, note="Ask for the quantity.")
    await judging.confirm_case(desk.senior, case.reference, form, await desk.tag(case))
    shown = await desk.show(case)
    assert (shown.status, shown.history[-1].said) == ("pended", "Ask for the quantity.")
    await desk.decide(case, reject(1))
    assert (await desk.show(case)).status == "rejected"


async def test_a_proposal_whose_figures_changed_is_not_confirmed(desk):
    """The limit of 2000 was open when 1700 was proposed; another claim took 850 meanwhile."""
    await desk.alone_up_to(1000)
    case = await desk.pended(line("2000", quantity="0"))
    await desk.decide(case, approve(1, quantity=Quantity(1)))
    await desk.decided(line("1000"))
    with pytest.raises(ProposalChanged):
        await judging.confirm_case(desk.senior, case.reference, ConfirmationForm(agree=True), await desk.tag(case))
    assert await desk.used() == Decimal(850)


async def test_the_database_wants_four_eyes_too(desk):
    case = await desk.pended(line("200", quantity="0"))
    await desk.decide(case, approve(1, quantity=Quantity(1)))
    (decision, user) = (await desk.case(case)).decision_id, desk.reviewer.principal.user_id
    insert = (
        "INSERT INTO claimlinc.decision_review (organization_id, decision_id, case_id, decided_by, confirmed_by,"
        " payer_share, alone_up_to) VALUES ($1, $2, $3, $4, $5, $6, $7)"
    )
    for second, share, alone in ((None, 170, 100), (user, 170, 100), (None, 1, 100)):
        with pytest.raises(asyncpg.CheckViolationError):
            async with desk.reviewer.transaction() as tx:
                values = desk.parties.payer_id, decision, case.id, user, second, Decimal(share), Decimal(alone)
                await tx.execute(insert, *values)


async def test_of_two_who_decide_at_once_one_wins(desk):
    case = await desk.pended(line("100", quantity="0"))
    tag = await desk.tag(case)
    forms = RulingsForm((approve(1, quantity=Quantity(1)),)), RulingsForm((reject(1),))
    done = await asyncio.gather(
        judging.decide_case(desk.reviewer, case.reference, forms[0], tag),
        judging.decide_case(desk.senior, case.reference, forms[1], tag),
        return_exceptions=True,
    )
    assert sorted(isinstance(one, PreconditionFailed) for one in done) == [False, True]
    shown = await desk.show(case)
    assert shown.decision_number == 2
    assert await desk.used() == (Decimal(85) if shown.status == "approved" else 0)


async def test_what_is_cut_off_before_its_commit_leaves_nothing_and_is_done_again(desk, monkeypatch):
    case = await desk.pended(line("100", quantity="0"))
    with monkeypatch.context() as patched:
        patched.setattr(judging.review_queries, "add_review", _cut_off)
        with pytest.raises(ConnectionResetError):
            await desk.decide(case, approve(1, quantity=Quantity(1)))
    assert (await desk.used(), (await desk.show(case)).decision_number) == (0, 1)
    await desk.decide(case, approve(1, quantity=Quantity(1)))
    assert (await desk.used(), (await desk.show(case)).decision_number) == (Decimal(85), 2)


async def _cut_off(*_):
    raise ConnectionResetError


async def test_a_case_is_its_payers_alone(desk):
    case = await desk.pended(line("100", quantity="0"))
    for stranger in (desk.parties.provider, desk.stranger):
        with pytest.raises(NotFound):
            await reviewing.show_case(stranger, case.reference)
        with pytest.raises(NotFound):
            await judging.decide_case(stranger, case.reference, RulingsForm((reject(1),)), "*")


async def test_what_was_said_is_sealed(desk):
    case = await desk.pended(line("100", quantity="0"))
    await reviewing.ask(desk.reviewer, case.reference, SaidForm("Which tooth was it?"), await desk.tag(case))
    async with desk.reviewer.transaction() as tx:
        rows = await tx.fetch("SELECT said FROM claimlinc.review_step WHERE case_id = $1 AND said IS NOT NULL", case.id)
    assert rows
    assert all(b"tooth" not in row["said"] for row in rows)
    assert (await desk.show(case)).history[-1].said == "Which tooth was it?"


async def test_terms_of_review_hold_from_a_later_day_on(desk):
    form = ReviewTermsForm(desk.today + timedelta(days=1), sar(5), 30, 24)
    await review_terms.add_terms(desk.admin, form)
    listed = await review_terms.list_terms(desk.admin)
    assert [(one.effective_from, one.alone_up_to) for one in listed.terms] == [(form.effective_from, sar(5))]
    assert (listed.today.effective_from, listed.today.alone_up_to) == (None, sar(10_000))
    with pytest.raises(Invalid) as refused:
        await review_terms.add_terms(desk.admin, ReviewTermsForm(desk.today, sar(5), 0, 0))
    assert [one.path for one in refused.value.errors] == ["effective_from", "appeal_days", "answer_hours"]
