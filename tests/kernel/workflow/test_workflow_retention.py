"""What ended long ago is forgotten in batches; its id and key stay taken."""

from datetime import datetime, timedelta

import pytest
from toys import SCOPE, does, execute, fetch, settle, start, start_plan, status, toy, user

from masterlinc.agent import Fail, Step
from masterlinc.plans import control, forking
from masterlinc.plans.plan import Plan, PlanStep

FORGET = "SELECT masterlinc.forget_workflows($1, $2)"
TABLES = ("step_payload", "workflow_signal", "workflow_note", "workflow_step")


async def forget(services, until: datetime, batch: int = 500) -> int:
    async with services.db.connection() as connection:
        return await connection.fetchval(FORGET, until, batch)


async def left(services, workflow) -> list[int]:
    return [
        (await fetch(services, f"SELECT count(*) AS n FROM masterlinc.{table} WHERE workflow_id = $1", workflow))[0][
            "n"
        ]
        for table in TABLES
    ]


async def now(services) -> datetime:
    return (await fetch(services, "SELECT now() AS now"))[0]["now"]


async def test_what_ended_long_ago_goes_and_its_key_never_starts_again(kernel):
    services = await kernel(toy(does("a")))
    plan = Plan(
        "toy.graph",
        1,
        "masterlinc",
        (
            PlanStep("wait", "go", "signal", agent="masterlinc"),
            PlanStep("e", "masterlinc.echo", agent="masterlinc", outside=True, input={"message": 1}, depends_on=(1,)),
        ),
    )
    made = await start_plan(services, plan, actor=user("task:execute"), title="Ahmad's claim")
    async with services.db.transaction(SCOPE) as transaction:
        await control.signal(services, transaction, made, "go", {"a": 1}, None)
    await settle(services)
    open_one = await start(services, "open")
    await execute(
        services, "UPDATE masterlinc.workflow SET finished_at = now() - interval '91 days' WHERE id = $1", made
    )
    assert all(count > 0 for count in await left(services, made))
    assert await forget(services, await now(services) - timedelta(days=90)) == 1
    assert await left(services, made) == [0, 0, 0, 0]
    row = (await fetch(services, "SELECT * FROM masterlinc.workflow WHERE id = $1", made))[0]
    assert (row["status"], row["title"], row["actor"], row["error"]) == ("done", None, None, None)
    assert row["forgotten_at"] is not None
    assert await start_plan(services, plan) is None
    assert await forget(services, await now(services)) == 0
    assert (await left(services, open_one))[3] == 1


async def test_a_batch_takes_no_more_than_it_was_told(kernel):
    services = await kernel(toy(does("a")))
    for number in range(5):
        await start(services, f"key{number}")
    await settle(services)
    until = await now(services) + timedelta(days=1)  # a time to come counts as now
    assert [await forget(services, until, 2) for _ in range(4)] == [2, 2, 1, 0]


async def test_what_has_not_ended_is_never_forgotten(kernel):
    services = await kernel(toy(Step("wait", signal="never")))
    await start(services)
    await settle(services)
    assert await forget(services, await now(services) + timedelta(days=999)) == 0


@pytest.mark.parametrize("action", ["retry", "fork", "cancel"])
async def test_a_forgotten_workflow_is_not_brought_back(kernel, action):
    async def a(ctx, request):
        raise Fail("no")

    services = await kernel(toy(does("a"), tasks={"a": a}, on_failure="fail"))
    made = await start(services)
    await settle(services)
    await forget(services, await now(services))
    with pytest.raises(control.WrongState):
        async with services.db.transaction(SCOPE) as transaction:
            if action == "retry":
                await control.retry(services, transaction, made, None)
            elif action == "fork":
                await forking.fork(services, transaction, made, "a", "new", None)
            else:
                await control.cancel(services, transaction, made, "", None)
    assert await status(services, made) == "failed"
