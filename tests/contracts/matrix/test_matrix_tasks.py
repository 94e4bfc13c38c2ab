"""Every task by every role, by each of the ways that take the name of one; and in whose name it acts (cases 45, 52)."""

import pytest
from asking import Asker
from cells import NOBODY, ROLELESS

from masterlinc.ids import new_id

# Tasks that name an organization and may name any: what they answer is the directory.
OPEN = {"authlinc.load_organization"}
INPUTS = {  # besides the organization
    "sbslinc.normalize_codes": {"claim_type": "professional", "codes": [{"sequence": 1, "system": None, "code": "1"}]},
    "sbslinc.sign_document": {"payload": "{}"},
    "sbslinc.verify_document": {"payload": "{}", "signature": "x", "key_id": "x"},
}
RECORDS = ("patient:", "claim:", "policy:", "nphies:", "message:", "appointment:", "code:", "document:", "research:")


@pytest.fixture
def tasks(asker):
    """Every task with its permission; those without one are for agents among themselves."""
    registry = asker.peopled.running.services.registry
    return {name: task for name, (_, task) in registry.tasks.items()}


async def execute(asker: Asker, who, task, given=None):
    headers = await asker.headers(who, asker.peopled.providers[0])
    return await asker.send("POST", "/execute", headers, {"task": task, "input": given or {}})


async def as_graph(asker: Asker, who, task):
    agent, _, action = task.partition(".")
    step = {"step_id": "only", "agent_id": agent, "action": action, "input_data": {}}
    body = {"workflow_name": "matrix", "steps": [step], "wait_seconds": 0}
    headers = await asker.headers(who, asker.peopled.providers[0])
    return await asker.send("POST", "/api/v1/workflow/execute", headers, body)


async def test_52_a_task_is_run_by_the_roles_that_hold_its_permission(asker, tasks):
    rbac, wrong, asked = asker.peopled.running.services.verifier.rbac, [], 0
    for who in (NOBODY, ROLELESS, *rbac.roles):
        grants = rbac.permissions_of([who])
        for name, task in tasks.items():
            if not task.permission:
                continue
            for way, needed in ((execute, "task:execute"), (as_graph, "workflow:execute")):
                answer, asked = await way(asker, who, name), asked + 1
                if {needed, task.permission} <= grants:
                    fits = answer.status not in {401, 403} and answer.status < 500
                else:  # a graph tells all that is wrong with it, before it looks at rights; nothing of it runs
                    fits = answer.status in ({401} if who == NOBODY else {403, 422} if needed in grants else {403})
                if not fits:
                    wrong.append(f"{name} as {who} by {way.__name__}: {answer.status} {answer.code}")
    assert wrong == []
    assert asked >= 300


async def test_52_what_agents_ask_of_each_other_is_offered_to_nobody(asker, tasks):
    """These act in the organization that they are told: a ledger, a decision, a step of a workflow."""
    inner = [name for name, task in tasks.items() if not task.permission]
    assert {"policylinc.post_benefits", "claimlinc.decide_submission", "claimlinc.record_claim"} <= {*inner}
    for name in inner:
        assert (await execute(asker, "admin", name)).status == 400, name
        assert (await as_graph(asker, "admin", name)).status in {400, 422}, name


async def test_45_a_task_that_names_an_organization_takes_the_caller_s_own_only(asker, tasks):
    named = {
        name: field
        for name, task in tasks.items()
        for field in task.request.__struct_fields__
        if task.permission and field.endswith("organization_id")
    }
    assert len(named) >= 3
    for name, field in named.items():
        fits = INPUTS.get(name, {})
        answers = [
            await execute(asker, "admin", name, fits | {field: str(organization)})
            for organization in (*asker.peopled.providers, asker.peopled.payers[0], new_id())
        ]
        if name in OPEN:
            continue
        own, *others = answers
        assert own.status == 200, (name, own.body)
        assert [other.status for other in others] == [404, 404, 404], name
        assert others[0] == others[1] == others[2], name


async def test_an_auditor_reads_no_record(asker, routes):
    """The auditor sees what was done: every route of patients, claims, policies and messages is shut."""
    headers = await asker.headers("auditor", asker.peopled.operator)
    shut = [route for route in routes if route.permission.startswith(RECORDS)]
    for route in shut:
        answer = await asker.send(route.method, route.path, headers, {})
        assert (answer.status, answer.code) == (403, "forbidden"), route.name
    assert len(shut) >= 12
