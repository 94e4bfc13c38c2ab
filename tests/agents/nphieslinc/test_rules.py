"""Each rule: a message that keeps it, and one that breaks it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from nphies_messages import REQUESTS, changed, opened, raw, resource

from nphieslinc.rules import BUSINESS_RULES, check

Tree = dict[str, Any]


def broken(data: bytes) -> set[tuple[str, str]]:
    return {(fault.rule, fault.path.removeprefix("Bundle.entry")) for fault in check(opened(data))}


@pytest.mark.parametrize("name", REQUESTS)
def test_our_own_messages_break_no_rule(name: str) -> None:
    assert broken(raw(name)) == set()


def claim(change: Callable[[Tree], object]) -> Callable[[Tree], object]:
    return lambda bundle: change(resource(bundle, "Claim"))


def patient(change: Callable[[Tree], object]) -> Callable[[Tree], object]:
    return lambda bundle: change(resource(bundle, "Patient"))


def coverage(change: Callable[[Tree], object]) -> Callable[[Tree], object]:
    return lambda bundle: change(resource(bundle, "Coverage"))


def without_extension(holder: Tree, name: str) -> None:
    holder["extension"] = [one for one in holder["extension"] if not one["url"].endswith(name)]


def without_information(claim: Tree, category: str) -> None:
    claim["supportingInfo"] = [one for one in claim["supportingInfo"] if category not in json.dumps(one)]


def foreign(amount: Tree) -> None:
    amount["currency"] = "USD"


def extension(holder: Tree, name: str) -> Tree:
    return next(one["valueMoney"] for one in holder["extension"] if one["url"].endswith(name))


PROFESSIONAL, INSTITUTIONAL, ORAL = (f"claim-request_{type_}" for type_ in ("professional", "institutional", "oral"))
ITEM, CLAIM, PATIENT, COVER = "[1].resource.item[0]", "[1].resource", "[2].resource", "[3].resource"
CASES: list[tuple[str, str, str, Callable[[Tree], object]]] = [
    ("BV-00341", PROFESSIONAL, "Bundle.id", lambda b: b.update(id="42")),
    ("BV-00168", PROFESSIONAL, "[0].resource.id", lambda b: b["entry"][0]["resource"].update(id="42")),
    (
        "GE-00031",
        PROFESSIONAL,
        "[6].resource.identifier",
        lambda b: b["entry"][6]["resource"]["identifier"][0].update(value="9"),
    ),
    (
        "GE-00034",
        PROFESSIONAL,
        "[7].resource.identifier",
        lambda b: b["entry"][7]["resource"]["identifier"][0].update(value="9"),
    ),
    (
        "BV-00797",
        PROFESSIONAL,
        f"{PATIENT}.identifier[0].value",
        patient(lambda p: p["identifier"][0].update(value="12")),
    ),
    (
        "BV-00798",
        ORAL,
        f"{PATIENT}.identifier[0].value",
        patient(lambda p: p["identifier"][0].update(value="0000000001")),
    ),
    (
        "BV-00481",
        ORAL,
        f"{PATIENT}.identifier[0].extension",
        patient(lambda p: p["identifier"][0].update(system="http://nphies.sa/identifier/passportnumber", type={})),
    ),
    ("IC-00242", PROFESSIONAL, f"{PATIENT}.identifier", patient(lambda p: p.pop("identifier"))),
    ("IC-00236", PROFESSIONAL, f"{PATIENT}.birthDate", patient(lambda p: p.pop("birthDate"))),
    ("IC-00238", PROFESSIONAL, f"{PATIENT}.gender", patient(lambda p: p.pop("gender"))),
    ("IC-01561", PROFESSIONAL, f"{PATIENT}.extension", patient(lambda p: without_extension(p, "occupation"))),
    ("IC-01565", PROFESSIONAL, f"{PATIENT}.maritalStatus", patient(lambda p: p.pop("maritalStatus"))),
    ("BV-00729", PROFESSIONAL, f"{COVER}.class", coverage(lambda c: c["class"].pop())),
    ("IC-01564", PROFESSIONAL, f"{COVER}.policyHolder", coverage(lambda c: c.pop("policyHolder"))),
    ("IC-00131", PROFESSIONAL, f"{COVER}.beneficiary", coverage(lambda c: c.pop("beneficiary"))),
    ("IC-00141", PROFESSIONAL, f"{COVER}.relationship", coverage(lambda c: c.pop("relationship"))),
    ("IC-00143", PROFESSIONAL, f"{COVER}.type", coverage(lambda c: c.pop("type"))),
    ("IC-00140", PROFESSIONAL, f"{COVER}.payor", coverage(lambda c: c.pop("payor"))),
    ("BV-00054", PROFESSIONAL, f"{CLAIM}.diagnosis", claim(lambda c: c["diagnosis"].append(c["diagnosis"][0]))),
    ("IC-01329", PROFESSIONAL, f"{CLAIM}.extension", claim(lambda c: without_extension(c, "encounter"))),
    (
        "RE-00189",
        PROFESSIONAL,
        f"{CLAIM}.extension[0].valueReference",
        claim(lambda c: c["extension"][0]["valueReference"].update(reference="Encounter/none")),
    ),
    ("BV-00741", INSTITUTIONAL, "[5].resource.class", lambda b: resource(b, "Encounter")["class"].update(code="AMB")),
    ("BV-00742", PROFESSIONAL, "[5].resource.class", lambda b: resource(b, "Encounter")["class"].update(code="IMP")),
    ("BV-00743", ORAL, "[6].resource.class", lambda b: resource(b, "Encounter")["class"].update(code="HH")),
    ("IC-01453", PROFESSIONAL, f"{CLAIM}.extension", claim(lambda c: without_extension(c, "episode"))),
    ("IC-01566", PROFESSIONAL, f"{CLAIM}.subType", claim(lambda c: c.pop("subType"))),
    ("IC-00014", PROFESSIONAL, f"{CLAIM}.careTeam", claim(lambda c: c.pop("careTeam"))),
    ("IC-01560", PROFESSIONAL, f"{ITEM}.extension", claim(lambda c: without_extension(c["item"][0], "maternity"))),
    ("IC-01454", PROFESSIONAL, f"{ITEM}.extension", claim(lambda c: without_extension(c["item"][0], "patientInvoice"))),
    ("BV-00066", PROFESSIONAL, f"{ITEM}.serviced[x]", claim(lambda c: c["item"][0].pop("servicedDate"))),
    *(
        (rule, name, f"{CLAIM}.supportingInfo", claim(lambda c, category=category: without_information(c, category)))
        for rule, name, category in (
            ("BV-00763", INSTITUTIONAL, "vital-sign-diastolic"),
            ("BV-00764", INSTITUTIONAL, "vital-sign-systolic"),
            ("BV-00765", INSTITUTIONAL, "pulse"),
            ("BV-00766", INSTITUTIONAL, "temperature"),
            ("BV-00768", INSTITUTIONAL, "respiratory-rate"),
            ("BV-00771", INSTITUTIONAL, "oxygen-saturation"),
            ("BV-00774", PROFESSIONAL, "pulse"),
            ("BV-00775", PROFESSIONAL, "temperature"),
            ("BV-00777", PROFESSIONAL, "respiratory-rate"),
            ("BV-00780", PROFESSIONAL, "oxygen-saturation"),
            ("BV-00767", INSTITUTIONAL, "vital-sign-height"),
            ("BV-00769", INSTITUTIONAL, "vital-sign-weight"),
            ("BV-00770", INSTITUTIONAL, "chief-complaint"),
            ("BV-00772", PROFESSIONAL, "vital-sign-diastolic"),
            ("BV-00773", PROFESSIONAL, "vital-sign-systolic"),
            ("BV-00776", PROFESSIONAL, "vital-sign-height"),
            ("BV-00778", PROFESSIONAL, "vital-sign-weight"),
            ("BV-00779", PROFESSIONAL, "chief-complaint"),
            ("BV-00751", ORAL, "chief-complaint"),
        )
    ),
    ("BV-00059", PROFESSIONAL, f"{CLAIM}.total", claim(lambda c: c["total"].update(value=304.76))),
    ("BV-00251", PROFESSIONAL, f"{ITEM}.net", claim(lambda c: c["item"][0].update(factor=2))),
    (
        "BV-00434",
        INSTITUTIONAL,
        f"{ITEM}.detail[0].net",
        claim(lambda c: c["item"][0]["detail"][0]["net"].update(value=5)),
    ),
    ("BV-00224", INSTITUTIONAL, f"{ITEM}.net", claim(lambda c: without_extension(c["item"][0], "package"))),
    ("BV-00096", PROFESSIONAL, f"{CLAIM}.total.currency", claim(lambda c: foreign(c["total"]))),
    ("BV-00092", PROFESSIONAL, f"{ITEM}.unitPrice.currency", claim(lambda c: foreign(c["item"][0]["unitPrice"]))),
    ("BV-00093", PROFESSIONAL, f"{ITEM}.net.currency", claim(lambda c: foreign(c["item"][0]["net"]))),
    (
        "BV-00086",
        PROFESSIONAL,
        f"{ITEM}.extension[1].valueMoney.currency",
        claim(lambda c: foreign(extension(c["item"][0], "tax"))),
    ),
    (
        "BV-00088",
        PROFESSIONAL,
        f"{ITEM}.extension[2].valueMoney.currency",
        claim(lambda c: foreign(extension(c["item"][0], "patient-share"))),
    ),
    (
        "BV-00087",
        PROFESSIONAL,
        f"{ITEM}.extension[2].valueMoney.currency",
        claim(lambda c: c["item"][0]["extension"][2].update(url="x/extension-payer-share", valueMoney={"value": 1})),
    ),
    (
        "BV-00094",
        INSTITUTIONAL,
        f"{ITEM}.detail[0].unitPrice.currency",
        claim(lambda c: foreign(c["item"][0]["detail"][0]["unitPrice"])),
    ),
    (
        "BV-00095",
        INSTITUTIONAL,
        f"{ITEM}.detail[0].net.currency",
        claim(lambda c: foreign(c["item"][0]["detail"][0]["net"])),
    ),
    (
        "BV-00089",
        INSTITUTIONAL,
        f"{ITEM}.detail[0].extension[0].valueMoney.currency",
        claim(
            lambda c: c["item"][0]["detail"][0].update(
                extension=[{"url": "x/extension-tax", "valueMoney": {"value": 0}}]
            )
        ),
    ),
]


def profiled(name: str) -> Callable[[Tree], object]:
    url = f"http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/{name}|1.0.0"
    return claim(lambda c: c.update(meta={"profile": [url]}))


# A claim of another profile is of another type, or of another use.
for number, kind in ((353, "institutional"), (357, "professional"), (361, "oral"), (365, "vision"), (369, "pharmacy")):
    other = "oral" if kind != "oral" else "vision"
    CASES += [
        (f"IB-{number:05}", f"priorauth-request_{other}", f"{CLAIM}.type", profiled(f"{kind}-priorauth")),
        (f"IB-{number + 1:05}", f"claim-request_{kind}", f"{CLAIM}.use", profiled(f"{kind}-priorauth")),
        (f"IB-{number + 2:05}", f"claim-request_{other}", f"{CLAIM}.type", profiled(f"{kind}-claim")),
        (f"IB-{number + 3:05}", f"priorauth-request_{kind}", f"{CLAIM}.use", profiled(f"{kind}-claim")),
    ]


@pytest.mark.parametrize(("rule", "name", "path", "change"), CASES, ids=[case[0] for case in CASES])
def test_a_broken_rule_is_named_with_its_place(
    rule: str, name: str, path: str, change: Callable[[Tree], object]
) -> None:
    assert (rule, path) in broken(changed(change, name))


def test_every_rule_has_a_failing_case() -> None:
    assert {rule.id for rule in BUSINESS_RULES} == {case[0] for case in CASES if not case[0].startswith("IC-")}


def test_every_rule_speaks_both_languages() -> None:
    for rule in BUSINESS_RULES:
        assert rule.detail
        assert any("\u0600" <= letter <= "\u06ff" for letter in rule.detail_ar)


def test_amounts_of_the_largest_size_do_not_overflow() -> None:
    def change(claim: Tree) -> None:
        claim["item"][0]["quantity"]["value"] = 999999999.9999
        claim["item"][0]["unitPrice"]["value"] = 999999999999.99
        claim["item"][0]["factor"] = 999999999.9999

    assert ("BV-00251", "[1].resource.item[0].net") in broken(
        changed(lambda bundle: change(resource(bundle, "Claim"))).replace(b"1000000000.0", b"999999999.9999")
    )
