"""The rights of tools are those of REST, role by role; and no shipped tool writes."""

import re
import tomllib
from uuid import uuid4

import pytest

from masterlinc.agent import Task
from masterlinc.settings import config_folder
from masterlinc.testing import bearer
from masterlinc.tools import calls
from masterlinc.tools.catalogue import catalogue
from masterlinc.wire import encode

ROLES = sorted(tomllib.loads((config_folder() / "rbac.toml").read_text(encoding="utf-8"))["roles"])
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
WRITES = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY|nextval|publish|start_workflow|keep_answer)\b", re.IGNORECASE
)
LINE = {"sequence": 1, "quantity": 1, "unit_price": 100, "factor": 1, "tax": 15, "net": 115}
SAMPLES = {
    "authlinc_find_organization": {"reference": "N-I-00001"},
    "authlinc_load_organization": {"organization_id": str(uuid4())},
    "claimlinc_validate": {"claim": {"patient_id": "MRN-1", "service_code": "83600-00-10", "amount": 250}},
    "doctorlinc_find_practitioner": {"reference": "N-P-1"},
    "policylinc_validate": {"policy_number": "P1", "patient_id": "M1", "service_code": "83600-00-10", "amount": 250},
    "sbslinc_apply_financial_rules": {"lines": [LINE], "total": 115},
    "sbslinc_normalize_codes": {"organization_id": None, "claim_type": "professional", "codes": []},
    "sbslinc_verify_document": {"organization_id": None, "payload": "{}", "signature": "", "key_id": "KEY-1"},
    "masterlinc_echo": {"message": "hello"},
}


def shipped(running):
    return [tool for tool in catalogue(running.services.registry).tools.values() if tool.agent != "probelinc"]


def refused(answer) -> bool:
    """Say whether an answer of either kind refuses for want of a right."""
    if answer.status_code == 403:
        return True
    result = answer.json().get("result")
    return isinstance(result, dict) and '"status":403' in str(result.get("content"))


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_call_exactly_what_it_may_execute(client, running, make_principal, role):
    headers, seen = bearer(running, make_principal(role)), set()
    for tool in catalogue(running.services.registry).tools.values():
        params = {"name": tool.name, "arguments": {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        by_tool = await client.post("/mcp", json=message, headers=headers | JSON)
        body = {"task": f"{tool.agent}.{tool.task.label}", "input": {}}
        by_rest = await client.post("/execute", json=body, headers=headers)
        assert refused(by_tool) is refused(by_rest), tool.name
        seen.add(refused(by_tool))
    assert seen == {"auditor": {True}, "researcher": {True}, "admin": {False}}.get(role, seen)
    assert role != "doctor" or seen == {True, False}


async def test_no_shipped_tool_writes_anything_but_audit_rows(running, make_principal, statements):
    for tool in shipped(running):
        who = make_principal("admin")
        sample = SAMPLES[tool.name]
        if "organization_id" in sample and sample["organization_id"] is None:
            sample = sample | {"organization_id": str(who.organization_id)}
        with statements() as sent:
            called = await calls.call(running.context("masterlinc", who), tool, encode(sample))
        assert called.error == "", (tool.name, called.text)
        assert any("write_audit" in one for one in sent), tool.name
        assert [one for one in sent if WRITES.search(one)] == [], tool.name


def test_a_task_is_no_tool_by_itself():
    assert Task.__dataclass_fields__["tool"].default is False
