"""Checking a message without sending it: the route, the command and their layers."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import World
from nphies_messages import changed, raw, resource

from masterlinc.cli import main
from masterlinc.testing import bearer
from nphieslinc.validating import Layer, validate

ROOT = Path(__file__).parents[3]


def findings(report: Any, layer: Layer) -> list[str]:
    return [one.rule for found in report.layers if found.layer is layer for one in found.findings]


def test_a_sound_message_passes_all_layers() -> None:
    report = validate(raw())
    assert report.is_valid
    assert [(layer.layer, layer.checked) for layer in report.layers] == [(layer, True) for layer in Layer]


def test_each_fault_is_of_its_layer() -> None:
    def change(bundle: Any) -> None:
        claim = resource(bundle, "Claim")
        claim["surprise"] = 1
        claim.pop("subType")
        claim["total"]["value"] = 1

    report = validate(changed(change))
    assert not report.is_valid
    assert findings(report, Layer.FHIR) == ["FR-00027"]
    assert findings(report, Layer.PROFILE) == ["IC-01566"]
    assert findings(report, Layer.BUSINESS) == ["BV-00059"]
    assert report.summary.startswith("3 places break rules")


def test_a_level_is_the_last_layer_that_looks() -> None:
    report = validate(changed(lambda bundle: resource(bundle, "Claim").pop("subType")), Layer.FHIR)
    assert report.is_valid
    assert [layer.layer for layer in report.layers] == [Layer.FHIR]


def test_a_resource_alone_is_checked_but_for_business_rules_and_says_so() -> None:
    claim = json.loads(raw())["entry"][1]["resource"] | {"status": 1}
    report = validate(json.dumps(claim).encode())
    assert findings(report, Layer.FHIR) == ["DT-00213"]
    business = report.layers[-1]
    assert (business.checked, business.note) == (False, "they need the whole message bundle")


@pytest.mark.parametrize(
    "text", ["{}", '{"resourceType":[]}', '{"resourceType":"Bundle"}', '{"resourceType":"Bundle","entry":[1]}']
)
def test_what_is_no_message_breaks_rules_and_nothing_else(text: str) -> None:
    assert not validate(text.encode()).is_valid


def test_business_rules_are_not_said_to_be_checked_where_the_envelope_is_broken() -> None:
    report = validate(changed(lambda bundle: bundle["entry"][0]["resource"].pop("destination")))
    assert not report.is_valid
    business = report.layers[-1]
    assert (business.checked, business.note) == (False, "the envelope has to be sound first")


async def posted(world: World, body: bytes) -> httpx.Response:
    headers = bearer(world.running, world.clerk) | {"content-type": "application/json"}
    return await world.http.post("/api/v1/validate", content=body, headers=headers)


async def test_the_route_answers_in_the_first_system_s_shape(world: World) -> None:
    body = {"claim_resource": json.loads(changed(lambda bundle: resource(bundle, "Claim").pop("subType")))}
    answer = await posted(world, json.dumps(body).encode())
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told) == {"validation_id", "is_valid", "layers", "summary", "summary_ar"}
    assert told["is_valid"] is False
    assert [one["rule"] for layer in told["layers"] for one in layer["findings"]] == ["IC-01566"]


async def test_the_route_keeps_numbers_as_they_came(world: World) -> None:
    data = raw().replace(b"304.75", b"304.750000000000000001")
    answer = await posted(world, b'{"claim_resource": %b}' % data)
    assert answer.status_code == 200, answer.text
    assert [one["rule"] for layer in answer.json()["layers"] for one in layer["findings"]] == ["GE-00028"]


async def test_the_route_refuses_what_it_does_not_know(world: World) -> None:
    for body in ({}, {"claim_resource": {}, "validation_level": "all"}, {"claim_resource": {}, "more": 1}):
        answer = await posted(world, json.dumps(body).encode())
        assert answer.status_code == 422, answer.text
    answer = await posted(world, b'{"claim_resource": 3}')
    assert answer.status_code == 400, answer.text


def test_the_command_says_what_is_broken_and_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = ROOT / "docs/examples/claim-oral.json", tmp_path / "bad.json"
    bad.write_bytes(changed(lambda bundle: resource(bundle, "Claim").pop("subType")))
    assert main(["validate", str(good)]) == 0
    assert main(["validate", str(good), str(bad)]) == 1
    said = capsys.readouterr().out
    assert "IC-01566  Bundle.entry[1].resource.subType" in said
    assert "العنصر Claim.subType مفقود" in said
    assert main(["validate", "--json", str(bad)]) == 1
    assert json.loads(capsys.readouterr().out)["report"]["is_valid"] is False


def test_the_command_ends_with_2_for_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.json").write_bytes(b"{")
    assert main(["validate", str(tmp_path / "cut.json")]) == 2
    assert main(["validate", str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err
