"""Real messages of the exchange: every request reads, and the rules that they break are named."""

import csv
import json
import re
from pathlib import Path

import pytest
from conftest import World, organization
from nphies_messages import opened

from authlinc.contract import OrganizationKind
from claimlinc.contract import ClaimStatus
from nphieslinc.envelope import ANSWER_EVENTS, CLAIM_EVENTS
from nphieslinc.fhir import parse, write
from nphieslinc.reading import read_answer, read_submission
from nphieslinc.rules import BUSINESS_RULES, check
from nphieslinc.simulator import process_message
from nphieslinc.validating import validate

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "nphies"
SAMPLES = sorted((SHARED / "examples").glob("*.json")) if SHARED.is_dir() else []

# How the index of the samples words what a rule finds.
_WORDED = {
    "coverage class plan !=1": {"BV-00729"},
    "coverage no policyHolder": {"IC-01564"},
    "item no maternity": {"IC-01560"},
    "no encounter": {"IC-01329"},
    "patient no occupation": {"IC-01561"},
    "oral without chief-complaint": {"BV-00751"},
}
_MISSING = {
    "systolic": {"BV-00764", "BV-00773"},
    "diastolic": {"BV-00763", "BV-00772"},
    "height": {"BV-00767", "BV-00776"},
    "weight": {"BV-00769", "BV-00778"},
    "chief-complaint": {"BV-00770", "BV-00779"},
}


@pytest.fixture(autouse=True)
def _needs_samples() -> None:
    if not SAMPLES:
        pytest.skip(f"there are no sample messages at {SHARED}")


def requests() -> list[Path]:
    return [path for path in SAMPLES if opened(path.read_bytes()).event in CLAIM_EVENTS]


def test_every_sample_is_read_and_written_without_loss() -> None:
    for path in SAMPLES:
        data = path.read_bytes()
        assert parse(write(parse(data))) == parse(data), path.name


def test_every_request_becomes_a_claim_whose_lines_sum_to_its_total() -> None:
    found = requests()
    assert len(found) == 14
    for path in found:
        submission = read_submission(opened(path.read_bytes()))
        assert sum(line.net for line in submission.lines) == submission.total, path.name
        assert submission.subject.name, path.name
        assert submission.cover.member_id, path.name


def test_every_sample_is_written_again_as_it_was_read() -> None:
    for path in SAMPLES:
        data = path.read_bytes()
        assert json.loads(write(parse(data)), parse_float=str) == json.loads(data, parse_float=str), path.name
        assert json.dumps(json.loads(write(parse(data)))) == json.dumps(json.loads(data)), path.name  # the order too


def test_every_sample_breaks_the_rules_that_the_page_argues_and_no_other() -> None:
    page = (ROOT / "docs" / "nphies-conflicts.md").read_text(encoding="utf-8")
    argued = dict(re.findall(r"^\| ([0-9]{2}[a-e]?) \| ([A-Z0-9, -]+) \|$", page, re.MULTILINE))
    assert {path.name.split("_")[0] for path in SAMPLES} == set(argued)
    for path in SAMPLES:
        found = {one.rule for layer in validate(path.read_bytes()).layers for one in layer.findings}
        assert ", ".join(sorted(found)) or argued[path.name.split("_")[0]] == "-", path.name


def test_every_answer_is_read() -> None:
    for path in SAMPLES:
        envelope = opened(path.read_bytes())
        if envelope.event in ANSWER_EVENTS:
            answer = read_answer(envelope, request_header_id=envelope.response_to or "")
            assert answer.lines or answer.errors, path.name


async def test_the_simulated_payer_decides_every_request(still_world: World) -> None:
    decided = {ClaimStatus.APPROVED, ClaimStatus.PARTIAL, ClaimStatus.REJECTED}
    for path in requests():
        request = opened(path.read_bytes())
        answer = opened(await process_message(still_world.ctx, path.read_bytes()))
        read = read_answer(answer, request_header_id=request.header_id)
        assert read.status in decided, (path.name, read.errors)
        assert [line.sequence for line in read.lines] == [line.sequence for line in read_submission(request).lines], (
            path.name
        )
        if not path.name.startswith("08"):  # its patient was born after the day of service
            assert sum(line.payer_share for line in read.lines) > 0, (path.name, read.disposition)


async def test_a_decision_is_explained_to_who_sent_it_whoever_holds_the_licence(world: World) -> None:
    licences = {opened(path.read_bytes()).sender for path in requests()}
    for one in sorted(licences):
        await organization(world.running, OrganizationKind.PROVIDER, one)
    for path in requests():
        shown = await world.decided(path.read_bytes())
        assert shown["status"] in {"approved", "partial", "rejected"}, path.name
        assert shown["trace"], path.name
        assert re.search("[\u0600-\u06ff]", shown["disposition_ar"]), path.name
        for line in shown["lines"]:
            assert line["trace"], (path.name, line["sequence"])
            assert re.search("[\u0600-\u06ff]", line["reason_ar"]), (path.name, line["sequence"])


def test_the_rules_that_the_index_lists_are_named() -> None:
    listed = _index()
    for path in requests():
        broken = {fault.rule for fault in check(opened(path.read_bytes()))}
        for words in listed[path.name]:
            assert broken & _rules(words), f"{path.name}: {words}"
        if not listed[path.name]:
            assert broken == set(), path.name


def _index() -> dict[str, list[str]]:
    rows = re.findall(
        r"^\| (\S+\.json) \|.*\| ?([^|]*?) ?\|$", (SHARED / "examples" / "INDEX.md").read_text(), re.MULTILINE
    )
    return {name: [word for word in words.split("; ") if word] for name, words in rows}


def _rules(words: str) -> set[str]:
    if words.startswith("iqama "):
        return {"BV-00798"}
    if words.startswith("missing SI "):
        return set().union(*(_MISSING[one] for one in words.removeprefix("missing SI ").split("/")))
    return _WORDED[words]


def test_every_rule_id_is_an_active_rule_of_the_exchange() -> None:
    with (SHARED / "tables" / "nphies_validation_rules_v2.8.csv").open(encoding="utf-8") as file:
        active = {row["rule_id"] for row in csv.DictReader(file) if not row["deactivated"]}
    assert {rule.id for rule in BUSINESS_RULES} <= active
