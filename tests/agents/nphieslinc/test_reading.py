"""A request becomes a claim; what cannot be read is named with its rule and path."""

from datetime import date
from decimal import Decimal

import pytest
from nphies_messages import REQUESTS, TYPES, changed, opened, raw, resource, tree

from claimlinc.contract import ClaimType, Coding, Use
from masterlinc.errors import DomainError, Malformed
from masterlinc.money import Money
from nphieslinc.errors import EventNotBuilt, NotNphies, UnknownEvent
from nphieslinc.fhir import parse, write
from nphieslinc.reading import read_submission


def faults(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(DomainError) as caught:
        read_submission(opened(data))
    assert all(fault.detail and fault.detail_ar for fault in caught.value.errors)
    return [(fault.code, fault.path) for fault in caught.value.errors]


@pytest.mark.parametrize("name", REQUESTS)
def test_every_type_of_request_becomes_a_claim(name: str) -> None:
    submission = read_submission(opened(raw(name)))
    event, _, type_ = name.partition("_")
    assert submission.claim_type == ClaimType(type_)
    assert submission.use == (Use.CLAIM if event == "claim-request" else Use.PREAUTHORIZATION)
    assert sum(line.net for line in submission.lines) == submission.total
    assert submission.subject.identifiers[0].valid
    assert submission.cover.member_id
    assert submission.diagnoses[0].type == "principal"
    assert (submission.provider_license, submission.payer_license) == ("10000000000011", "7000000011")


@pytest.mark.parametrize("type_", TYPES)
def test_a_message_that_is_read_and_written_says_the_same(type_: str) -> None:
    data = raw(f"claim-request_{type_}")
    assert parse(write(parse(data))) == parse(data)


def test_codes_of_the_exchange_stand_before_local_ones() -> None:
    line = read_submission(opened(raw())).lines[0]
    assert line.codes[0].system.startswith("http://nphies.sa/")
    assert line.codes[1] == Coding("http://clinic-professional.example/codes", "LOC-1", "عيادة")


def test_what_a_line_says_is_kept() -> None:
    line = read_submission(opened(raw("claim-request_oral"))).lines[0]
    assert (line.body_site, line.surfaces, line.patient_share, line.invoice) == (
        "36",
        ("M", "O"),
        Money("30.00"),
        "INV-1",
    )
    stay = read_submission(opened(raw("claim-request_institutional"))).lines[0]
    assert (stay.service_date, stay.service_end, stay.package) == (date(2026, 2, 10), date(2026, 2, 12), True)
    assert [code.code for code in stay.details[0].codes] == ["83670-00-60", "ANES"]


def test_extensions_are_found_whichever_way_they_are_spelled() -> None:
    assert read_submission(opened(raw("claim-request_vision"))).lines[1].patient_share == Money("50.00")


def test_supporting_information_of_every_kind_is_kept() -> None:
    submission = read_submission(opened(raw("claim-request_institutional")))
    by_category = {one.category: one for one in submission.supporting_info}
    assert (by_category["vital-sign-height"].text, by_category["vital-sign-height"].unit) == ("171.5", "cm")
    assert by_category["vital-sign-height"].start == by_category["vital-sign-height"].end == date(2026, 2, 11)
    complaint = by_category["chief-complaint"]
    assert (complaint.code and complaint.code.code, complaint.text) == ("R10.4", "Pain since yesterday")
    assert by_category["attachment"].attachment == submission.attachments[0].title == "Operation note.txt"
    assert by_category["info"].text == "Insured through the employer"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"valueBoolean": True}, "true"),
        ({"valueReference": {"reference": "Location/7"}}, "Location/7"),
        ({"valueReference": {"identifier": {"value": "L-7"}}}, "L-7"),
        ({"valueQuantity": {"value": 1.50, "unit": "h"}}, "1.5"),
        ({"valueString": "words"}, "words"),
        ({}, None),
    ],
)
def test_a_value_of_every_kind_becomes_text(value: dict, text: str | None) -> None:
    def change(bundle: dict) -> None:
        category = {"coding": [{"code": "info"}]}
        resource(bundle, "Claim")["supportingInfo"] = [{"sequence": 1, "category": category} | value]

    assert read_submission(opened(changed(change))).supporting_info[0].text == text


def test_a_diagnosis_may_be_a_condition_of_the_bundle() -> None:
    def change(bundle: dict) -> None:
        condition = {"resourceType": "Condition", "id": "c9", "code": {"coding": [{"code": "J45.9"}]}}
        bundle["entry"].append({"fullUrl": "http://x.example/Condition/c9", "resource": condition})
        diagnosis = resource(bundle, "Claim")["diagnosis"][0]
        del diagnosis["diagnosisCodeableConcept"]
        diagnosis["diagnosisReference"] = {"reference": "Condition/c9"}

    assert read_submission(opened(changed(change))).diagnoses[0].code == "J45.9"


def test_a_type_that_is_none_of_the_five_is_refused() -> None:
    def change(bundle: dict) -> None:
        resource(bundle, "Claim")["type"]["coding"][0]["code"] = "dental"

    assert faults(changed(change)) == [("IB-00047", "Bundle.entry[1].resource.type")]


def test_a_contained_practitioner_is_found() -> None:
    def change(bundle: dict) -> None:
        claim = resource(bundle, "Claim")
        claim["contained"] = [{"resourceType": "Practitioner", "id": "in", "name": [{"family": "Inside"}]}]
        claim["careTeam"][0]["provider"] = {"reference": "#in"}

    assert read_submission(opened(changed(change))).care_team[0].name == "Inside"


def test_an_earlier_claim_may_be_named_by_reference() -> None:
    def change(bundle: dict) -> None:
        resource(bundle, "Claim")["related"] = [{"claim": {"reference": "Claim/9"}}]

    related = read_submission(opened(changed(change))).related[0]
    assert (related.identifier.value, related.relationship) == ("Claim/9", "associated")


def test_a_practitioner_role_leads_to_its_practitioner() -> None:
    member = read_submission(opened(raw("claim-request_oral"))).care_team[0]
    assert (member.name, member.license, member.qualification) == ("Dr. Layla Faisal", "18RM0001", "08.26")


def test_the_subscriber_is_named_where_it_is_another_person() -> None:
    cover = read_submission(opened(raw("claim-request_vision"))).cover
    assert cover.subscriber is not None
    assert (cover.subscriber.name, cover.relationship) == ("Tariq Bilal Malik", "child")
    assert read_submission(opened(raw())).cover.subscriber is None


def test_a_time_in_another_zone_is_a_day_in_riyadh() -> None:
    assert read_submission(opened(raw("priorauth-request_professional"))).created == date(2026, 2, 12)


def test_an_identifier_against_its_own_rules_is_kept_and_marked() -> None:
    def change(bundle: dict) -> None:
        resource(bundle, "Patient")["identifier"][0]["value"] = "0000000001"

    identifier = read_submission(opened(changed(change))).subject.identifiers[0]
    assert (identifier.value, identifier.valid) == ("0000000001", False)


@pytest.mark.parametrize("number", ["121.900", "121.90", "121.9"])
def test_amounts_keep_every_halala(number: str) -> None:
    data = raw().replace(b'"value": 304.75', b'"value": ' + number.encode())
    assert read_submission(opened(data)).total == Decimal("121.90")


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("1.455", "GE-00028"),
        ("-1", "DT-00228"),
        ("1e3", "DT-00228"),
        ("1e999999", "DT-00228"),
        ('"304.75"', "DT-00228"),
    ],
)
def test_an_amount_that_is_none_names_its_path(number: str, rule: str) -> None:
    data = raw().replace(b'"value": 304.75', b'"value": ' + number.encode())
    assert faults(data) == [(rule, "Bundle.entry[1].resource.total.value")]


def test_every_fault_is_named_at_once() -> None:
    def change(bundle: dict) -> None:
        claim = resource(bundle, "Claim")
        del claim["item"][0]["net"]
        claim["item"][1]["quantity"] = "two"
        del claim["identifier"]
        claim["created"] = "11/02/2026"

    path = "Bundle.entry[1].resource"
    assert set(faults(changed(change))) == {
        ("IC-00043", f"{path}.item[0].net"),
        ("DT-00165", f"{path}.item[1].quantity"),
        ("IC-00025", f"{path}.identifier"),
        ("DT-00074", f"{path}.created"),
    }


def test_a_patient_who_is_not_in_the_bundle_is_named() -> None:
    def change(bundle: dict) -> None:
        resource(bundle, "Claim")["patient"] = {"reference": "Patient/nobody"}

    assert ("RE-00015", "Bundle.entry[1].resource.patient") in faults(changed(change))


def test_references_resolve_by_type_and_id_and_by_a_url_s_end() -> None:
    for reference in (
        "Patient/p1",
        "http://elsewhere.example/fhir/Patient/p1",
        "http://clinic-professional.example/Patient/p1",
    ):

        def change(bundle: dict, reference: str = reference) -> None:
            resource(bundle, "Claim")["patient"] = {"reference": reference}

        assert read_submission(opened(changed(change))).subject.name == "Huda Majid Alotaibi"


def test_two_lines_of_one_number_are_refused() -> None:
    def change(bundle: dict) -> None:
        resource(bundle, "Claim")["item"][1]["sequence"] = 1

    assert faults(changed(change)) == [("BV-00044", "Bundle.entry[1].resource.item[1].sequence")]


def test_the_use_must_fit_the_event() -> None:
    def change(bundle: dict) -> None:
        resource(bundle, "Claim")["use"] = "preauthorization"

    assert faults(changed(change)) == [("BV-00165", "Bundle.entry[1].resource.use")]


@pytest.mark.parametrize(
    ("change", "rule", "path"),
    [
        (lambda b: b.update(resourceType="Claim"), "IC-01318", "Bundle.resourceType"),
        (lambda b: b.update(type="batch"), "BV-00130", "Bundle.type"),
        (lambda b: b.pop("id"), "IC-00326", "Bundle.id"),
        (lambda b: b["entry"].pop(0), "FR-00012", "Bundle.entry[0].resource"),
        (lambda b: b["entry"].append(b["entry"][1]), "FR-00007", "Bundle.entry[9].fullUrl"),
        (lambda b: b["entry"].insert(1, "x"), "DT-00001", "Bundle.entry[1]"),
        (lambda b: b["entry"][0]["resource"].pop("focus"), "IC-00379", "Bundle.entry[0].resource.focus"),
        (lambda b: b["entry"][0]["resource"].pop("sender"), "IC-00226", "Bundle.entry[0].resource.sender"),
        (lambda b: b["entry"][0]["resource"].pop("destination"), "IC-00375", "Bundle.entry[0].resource.destination"),
        (
            lambda b: b["entry"][0]["resource"].update(focus=[{"reference": "Claim/other"}]),
            "RE-00100",
            "Bundle.entry[0].resource.focus[0].reference",
        ),
        (
            lambda b: b["entry"][0]["resource"].update(focus=[{"reference": "Coverage/c1"}]),
            "BV-00167",
            "Bundle.entry[0].resource.focus[0].reference",
        ),
        (
            lambda b: b["entry"][0]["resource"]["eventCoding"].update(code="claim-requset"),
            "IB-00169",
            "Bundle.entry[0].resource.eventCoding.code",
        ),
    ],
)
def test_what_is_no_message_is_refused_with_rule_and_path(change, rule: str, path: str) -> None:
    assert (rule, path) in faults(changed(change))


def test_an_event_that_is_unknown_and_one_that_is_not_built_differ() -> None:
    def event(code: str) -> bytes:
        return changed(lambda bundle: bundle["entry"][0]["resource"]["eventCoding"].update(code=code))

    with pytest.raises(UnknownEvent):
        opened(event("claim"))
    with pytest.raises(EventNotBuilt, match="claim-request, priorauth-request"):
        read_submission(opened(event("poll-request")))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"NaN",
        b'{"a": NaN}',
        b'{"a":1,"a":2}',
        b"[" * 5000,
        b'{"a":' * 5000,
    ],
)
def test_what_is_no_json_object_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_a_bundle_without_entries_is_refused() -> None:
    bundle = tree()
    bundle["entry"] = []
    with pytest.raises(NotNphies):
        opened(write(bundle))
