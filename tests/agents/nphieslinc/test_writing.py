"""Messages of our own: a request says what its claim says, an answer what was decided."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace
from nphies_messages import REQUESTS, changed, opened, raw, resource

from claimlinc.contract import (
    ClaimStatus,
    ClaimSubmission,
    Decision,
    LineDecision,
    LoadedClaim,
    Outcome,
    Totals,
)
from masterlinc.money import ZERO, Money, Quantity, money
from masterlinc.testing import FixedClock
from nphieslinc.errors import AnswerRefused
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import parse
from nphieslinc.reading import read_answer, read_submission
from nphieslinc.rules import check
from nphieslinc.writing import (
    MessageIds,
    Parties,
    Responder,
    build_request,
    decided,
    operation_outcome,
    pended,
    refused,
)
from nphieslinc.writing.header import Sender

KEY, HEADER, BUNDLE = (
    UUID(int=1),
    UUID("6c4fd7f9-6b7f-4a60-9a5c-5a0b4ff0c001"),
    UUID("6c4fd7f9-6b7f-4a60-9a5c-5a0b4ff0c002"),
)
PARTIES = Parties("10000000000011", "Al Wadi Clinic", "7000000011", "Sahl Insurance", "http://al-wadi.example")
PAYER = Responder(Sender("payer", "7000000011", "http://sahl.example"), "http://sahl.example")
IDS = MessageIds(UUID(int=2), UUID(int=3), UUID(int=4))


def loaded(submission: ClaimSubmission) -> LoadedClaim:
    return LoadedClaim(KEY, KEY, None, ClaimStatus.PENDING, submission, submission.lines)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_of_ours_says_what_its_claim_says(name: str, clock: FixedClock) -> None:
    wanted = read_submission(opened(raw(name)))
    written = opened(build_request(loaded(wanted), PARTIES, clock, bundle_id=BUNDLE, header_id=HEADER))
    found = read_submission(written)
    for field in ClaimSubmission.__struct_fields__:
        assert getattr(found, field) == getattr(wanted, field), field
    assert (written.bundle_id, written.header_id, written.sender) == (
        str(BUNDLE),
        str(HEADER),
        PARTIES.provider_license,
    )


def test_a_request_of_ours_breaks_only_rules_on_what_a_claim_does_not_hold(clock: FixedClock) -> None:
    for name in REQUESTS:
        claim = loaded(read_submission(opened(raw(name))))
        written = opened(build_request(claim, PARTIES, clock, bundle_id=BUNDLE, header_id=HEADER))
        assert {fault.rule for fault in check(written)} == {"IC-01561", "IC-01564", "IC-01565", "IC-01574"}, name


def line(sequence: int, outcome: Outcome, allowed: str, copay: str, **more: object) -> LineDecision:
    """A line at 15 percent VAT whose patient pays the copay and its tax."""
    tax, payer = money(Decimal(allowed) * Decimal("0.15")), Decimal(allowed) - Decimal(copay)
    payer_tax = money(payer * Decimal("0.15"))
    return LineDecision(
        sequence=sequence,
        outcome=outcome,
        benefit="outpatient",
        billed=Money("230.00"),
        allowed=Money(allowed),
        deductible=ZERO,
        copay=Money(copay),
        tax=tax,
        payer_tax=payer_tax,
        payer_share=money(payer + payer_tax),
        patient_share=money(Decimal(copay) + tax - payer_tax),
        approved_quantity=Quantity(1 if outcome is Outcome.APPROVED else 0),
        reason="paid in full",
        reason_ar="مدفوع بالكامل",
        **more,  # type: ignore[arg-type]
    )


def decision(*lines: LineDecision, outcome: Outcome = Outcome.PARTIAL) -> Decision:
    names = ("billed", "allowed", "deductible", "copay", "tax", "payer_tax", "payer_share", "patient_share")
    sums = {name: money(sum((getattr(one, name) for one in lines), Decimal(0))) for name in names}
    return Decision(outcome, lines, Totals(**sums), "Decided", "صدر القرار", "1", preauth_ref="AUTH-1")


def test_a_decision_comes_back_as_it_was_sent(clock: FixedClock) -> None:
    request = opened(raw())
    made = decision(
        line(1, Outcome.APPROVED, "200.00", "30.00"),
        line(2, Outcome.REJECTED, "0.00", "0.00", denial_code="CV-1-8"),
    )
    answer = opened(decided(request, made, PAYER, clock, IDS))
    read = read_answer(answer, request_header_id=request.header_id)
    assert (read.status, read.disposition, read.preauth_ref) == (ClaimStatus.PARTIAL, "Decided", None)
    for found, wanted in zip(read.lines, made.lines, strict=True):
        for field in ("sequence", "outcome", "billed", "allowed", "deductible", "copay", "tax", "payer_tax"):
            assert getattr(found, field) == getattr(wanted, field), field
        for field in ("payer_share", "patient_share", "approved_quantity", "denial_code"):
            assert getattr(found, field) == getattr(wanted, field), field
    assert answer.event == "claim-response"
    assert (answer.sender, answer.receiver) == ("7000000011", "10000000000011")


def test_a_line_of_an_answer_says_why_in_both_languages(clock: FixedClock) -> None:
    answer = opened(decided(opened(raw()), decision(line(1, Outcome.APPROVED, "200.00", "30.00")), PAYER, clock, IDS))
    held = resource(answer.message.tree, "ClaimResponse")
    notes = {note["number"]: note["text"] for note in held["processNote"]}
    assert [notes[number] for number in held["item"][0]["noteNumber"]] == ["paid in full", "مدفوع بالكامل"]


def test_an_authorization_carries_its_number(clock: FixedClock) -> None:
    request = opened(raw("priorauth-request_oral"))
    answer = opened(decided(request, decision(line(1, Outcome.APPROVED, "200.00", "0.00")), PAYER, clock, IDS))
    assert answer.event == "priorauth-response"
    assert read_answer(answer, request_header_id=request.header_id).preauth_ref == "AUTH-1"


def test_every_reference_of_an_answer_resolves(clock: FixedClock) -> None:
    answer = opened(decided(opened(raw()), decision(line(1, Outcome.APPROVED, "200.00", "0.00")), PAYER, clock, IDS))
    assert answer.focus is not None
    for name in ("patient", "insurer", "requestor"):
        assert answer.message.resolve(answer.focus.child(name)) is not None, name


def test_a_decision_that_people_still_make_is_queued_and_has_no_lines(clock: FixedClock) -> None:
    """BV-00463, BV-00395: what is pended is not complete."""
    request = opened(raw())
    made = decision(line(1, Outcome.PENDED, "200.00", "30.00"), outcome=Outcome.PENDED)
    responder = replace(PAYER, decision_system="urn:decision")
    answer = opened(decided(request, made, responder, clock, IDS))
    assert answer.focus is not None
    assert answer.focus.text("outcome") == "queued"
    assert "item" not in answer.focus.value
    read = read_answer(answer, request_header_id=request.header_id)
    assert (read.status, read.disposition) == (ClaimStatus.PENDED, "Decided")
    assert answer.focus.children("identifier")[0].text("value") == str(IDS.response)


def test_a_pended_answer_has_no_lines(clock: FixedClock) -> None:
    request = opened(raw())
    read = read_answer(opened(pended(request, "Later", PAYER, clock, IDS)), request_header_id=request.header_id)
    assert (read.status, read.lines) == (ClaimStatus.PENDED, ())


def test_an_answer_in_error_names_rule_and_path(clock: FixedClock) -> None:
    request = opened(raw())
    fault = BrokenRule("1658", "Bundle.entry[2].resource", "no such member", "لا يوجد عضو")
    read = read_answer(opened(refused(request, [fault], PAYER, clock, IDS)), request_header_id=request.header_id)
    assert read.status is ClaimStatus.ERROR
    assert (read.errors[0].code, read.errors[0].path, read.errors[0].detail) == ("1658", fault.path, "no such member")


def test_an_answer_to_another_request_is_refused(clock: FixedClock) -> None:
    answer = opened(pended(opened(raw()), "Later", PAYER, clock, IDS))
    with pytest.raises(AnswerRefused) as caught:
        read_answer(answer, request_header_id=str(UUID(int=9)))
    assert caught.value.errors[0].code == "BV-00544"


def test_an_answer_that_names_no_request_is_refused(clock: FixedClock) -> None:
    answer = opened(answered(clock, b'"response":{"identifier"', b'"response":{"identifier_"'))
    with pytest.raises(AnswerRefused) as caught:
        read_answer(answer, request_header_id="x")
    assert caught.value.errors[0].code == "IC-00225"


def test_an_answer_without_its_outcome_is_judged_by_its_lines(clock: FixedClock) -> None:
    answer = opened(answered(clock, b'"extension":[{"url":"http://nphies.sa', b'"extension":[{"url":"http://other.sa'))
    answer.focus.value.pop("extension", None)  # type: ignore[union-attr]
    assert read_answer(answer, request_header_id=answer.response_to or "").status is ClaimStatus.APPROVED


def test_an_answer_that_says_nothing_is_refused(clock: FixedClock) -> None:
    answer = opened(answered(clock, b'"item":', b'"items":'))
    answer.focus.value.pop("extension")  # type: ignore[union-attr]
    with pytest.raises(AnswerRefused):
        read_answer(answer, request_header_id=answer.response_to or "")


def test_an_error_without_a_reason_is_an_error_all_the_same(clock: FixedClock) -> None:
    answer = opened(answered(clock, b'"outcome":"complete"', b'"outcome":"error"'))
    read = read_answer(answer, request_header_id=answer.response_to or "")
    assert (read.status, read.errors[0].code, read.errors[0].detail) == (ClaimStatus.ERROR, "GE-00000", "Decided")


def test_a_request_is_no_answer() -> None:
    with pytest.raises(AnswerRefused):
        read_answer(opened(raw()), request_header_id="x")


def answered(clock: FixedClock, old: bytes, new: bytes) -> bytes:
    made = decision(line(1, Outcome.APPROVED, "200.00", "30.00"))
    data = decided(opened(raw()), made, PAYER, clock, IDS)
    assert old in data
    return data.replace(old, new)


def test_both_spellings_of_copay_are_read(clock: FixedClock) -> None:
    answer = opened(answered(clock, b'"copay"', b'"coPay"'))
    assert read_answer(answer, request_header_id=answer.response_to or "").lines[0].copay == Money("30.00")


def test_a_benefit_that_holds_its_tax_is_not_taxed_twice(clock: FixedClock) -> None:
    answer = opened(answered(clock, b"170.00", b"195.50"))
    assert read_answer(answer, request_header_id=answer.response_to or "").lines[0].payer_share == Money("195.50")


def test_a_fatal_error_is_an_error_though_it_says_complete(clock: FixedClock) -> None:
    answer = opened(answered(clock, b'"code":"ok"', b'"code":"fatal-error"'))
    assert read_answer(answer, request_header_id=answer.response_to or "").status is ClaimStatus.ERROR


def test_an_operation_outcome_names_its_faults() -> None:
    tree = parse(operation_outcome([BrokenRule("FR-00012", "Bundle.entry[0]", "no header", "لا يوجد رأس")]))
    assert tree["issue"][0]["expression"] == ["Bundle.entry[0]"]


def test_numbers_of_the_request_stand_as_they_came_in_the_answer(clock: FixedClock) -> None:
    def change(bundle: dict) -> None:
        resource(bundle, "Coverage")["costToBeneficiary"] = [{"valueMoney": {"value": 20.5, "currency": "SAR"}}]

    data = decided(opened(changed(change)), decision(line(1, Outcome.APPROVED, "200.00", "0.00")), PAYER, clock, IDS)
    assert b'"valueMoney":{"value":20.5,' in data


def test_dates_are_plain_days() -> None:
    assert read_submission(opened(raw())).created == date(2026, 2, 11)
