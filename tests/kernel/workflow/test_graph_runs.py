"""A user's graph runs as that user: their rights, their organizations, their secrets."""

import asyncpg
from msgspec import Struct
from toys import ORGANIZATION, SCOPE, does, fetch, flow, settle, start_plan, status, step, steps, toy, user

from masterlinc.agent import Agent, Fail, Task
from masterlinc.errors import FieldError, Invalid
from masterlinc.ids import new_id
from masterlinc.plans import control, forking
from masterlinc.plans.plan import Plan, PlanStep
from masterlinc.plans.starting import label
from masterlinc.wire import tree
from masterlinc.workflow import calling

CANARY = "canary-7f3a91"


class Say(Struct, frozen=True, forbid_unknown_fields=True):
    """Anything to be said."""

    words: str


class Said(Struct, frozen=True):
    """What was said, and who could see what."""

    words: str
    organizations: list[str]
    kind: str


async def say(ctx, request):
    if "fault" in request.words:
        errors = [FieldError("words", "bad", CANARY, CANARY)]
        raise Invalid(f"{CANARY} is ill", f"{CANARY} مريض", errors=errors)
    if "crash" in request.words:
        raise RuntimeError(CANARY)
    async with ctx.transaction() as transaction:
        seen = await transaction.fetchval("SELECT masterlinc.orgs()::text[]")
    return Said(request.words, sorted(seen), ctx.principal.kind)


TALKER = Agent(
    "talker", "Talker", "متحدث", "1", ">=0.1",
    tasks=(
        Task(Say, Said, say, "Say", "قل", permission="talk:say", joins_transaction=True),
        Task(Say, Said, say, "Say", "قل", permission="talk:away", name="say_away"),
    ),
)  # fmt: skip


def plan(*texts: str, away: bool = False, on_failure="fail", **more) -> Plan:
    name = "talker.say_away" if away else "talker.say"
    made = tuple(
        PlanStep(f"s{number}", name, agent="talker", outside=away, input={"words": text}, max_attempts=1,
            depends_on=(number - 1,) if number > 1 else (), **more)
        for number, text in enumerate(texts, 1)
    )  # fmt: skip
    return Plan("masterlinc.graph", 1, "talker", made, on_failure)


async def output(services, workflow, position):
    rows = await fetch(
        services,
        "SELECT output FROM masterlinc.step_payload WHERE workflow_id = $1 AND position = $2",
        workflow,
        position,
    )
    sealed = rows[0]["output"]
    return tree(services.vault.open(ORGANIZATION, label(workflow, position, "output"), sealed))


async def test_steps_act_in_the_organizations_of_who_started_them_and_never_as_a_service(kernel):
    services = await kernel(TALKER)
    other = new_id()
    for away in (False, True):
        actor = user("talk:say", "talk:away", organizations=(ORGANIZATION, other))
        made = await start_plan(services, plan("hello", away=away), str(away), actor=actor)
        await settle(services)
        assert await output(services, made, 1) == {
            "words": "hello", "organizations": sorted(map(str, (ORGANIZATION, other))), "kind": "user",
        }  # fmt: skip


async def test_the_permission_of_each_task_is_asked_when_it_runs(kernel):
    services = await kernel(TALKER)
    made = await start_plan(services, plan("hello"), actor=user("talk:away"))
    await settle(services)
    assert await status(services, made) == "failed"
    assert "Forbidden" in (await step(services, made, "s1"))["error"]


async def test_references_take_earlier_outputs_and_the_context(kernel):
    services = await kernel(TALKER)
    graph = plan("${context.name}", "say ${s1.words} $${s1}", "${s2.words}")
    made = await start_plan(services, graph, actor=user("talk:say"), context={"name": "نورة"})
    await settle(services)
    assert (await output(services, made, 3))["words"] == "say نورة ${s1}"


async def test_an_input_that_does_not_fit_and_a_reference_that_leads_nowhere_are_not_tried_again(kernel):
    services = await kernel(TALKER)
    for key, graph in (("a", plan("x", "${s1.organizations}")), ("b", plan("x", "${s1.nothing}"))):
        made = await start_plan(services, graph, key, actor=user("talk:say"))
        await settle(services)
        assert await steps(services, made) == {"s1": "done", "s2": "failed"}


async def test_the_words_of_a_reference_are_kept_with_the_answer_and_in_no_column(kernel):
    services = await kernel(TALKER)
    made = await start_plan(services, plan("x", f"${{s1.{CANARY}}}"), actor=user("talk:say"))
    await settle(services)
    assert CANARY in (await output(services, made, 2))["error"]["detail"]
    assert (await flow(services, made))["error"] == "s2: a reference leads nowhere"
    assert (await step(services, made, "s2"))["error"] == "a reference leads nowhere"


async def test_a_small_graph_cannot_make_a_large_one(kernel, monkeypatch):
    monkeypatch.setattr(calling, "MOST_BYTES", 5_000)
    services = await kernel(TALKER)
    graph = plan(*(f"{number}: ${{context.text}}" for number in range(4)), away=True)
    made = await start_plan(services, graph, actor=user("talk:away"), context={"text": "x" * 2_000})
    await settle(services)
    assert await steps(services, made) == {"s1": "done", "s2": "done", "s3": "failed", "s4": "skipped"}


async def test_an_error_is_kept_for_who_started_it(kernel):
    services = await kernel(TALKER)
    for on_failure, ending in (("fail", "failed"), ("undo", "failed"), ("park", "parked")):
        made = await start_plan(services, plan("fault", on_failure=on_failure), on_failure, actor=user("talk:say"))
        await settle(services)
        assert await status(services, made) == ending
        error = (await output(services, made, 1))["error"]
        assert (error["code"], error["detail"], error["detail_ar"]) == (
            Invalid.code,
            f"{CANARY} is ill",
            f"{CANARY} مريض",
        )
        assert error["errors"][0]["path"] == "words"
        assert (await flow(services, made))["error"] == f"s1: Invalid: {Invalid.code}"


async def test_no_column_of_the_database_holds_what_was_said(kernel, new_database):
    urls = await new_database()
    services = await kernel(TALKER, toy(does("a")), urls=urls)
    actor = user("talk:say", "talk:away")
    for number, (text, away) in enumerate((text, away) for text in ("", "fault", "crash") for away in (False, True)):
        graph = plan(f"{CANARY} {text}", "${s1.words}", away=away, on_failure="undo")
        made = await start_plan(services, graph, f"key{number}", actor=actor, context={"c": CANARY})
        await settle(services)
        async with services.db.transaction(SCOPE) as transaction:
            await forking.fork(services, transaction, made, "s2" if not text else "s1", f"again{number}", None)
        await settle(services)
    waits = Plan("masterlinc.graph", 1, "talker", (PlanStep("w", "go", "signal", agent="talker"),))
    made = await start_plan(services, waits, "signal", actor=actor)
    async with services.db.transaction(SCOPE) as transaction:
        await control.signal(services, transaction, made, "go", {"word": CANARY}, None)
    await settle(services)
    assert await output(services, made, 1) == {"word": CANARY}
    assert await tables_with(urls, CANARY) == []
    assert {"masterlinc.workflow", "masterlinc.step_payload"} <= {*await tables_with(urls, str(ORGANIZATION))}


async def tables_with(urls, text: str) -> list[str]:
    """Look for a text in every row of every table."""
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute("SET row_security = off")
        names = await connection.fetch(
            "SELECT format('%I.%I', n.nspname, c.relname) AS name"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
        raw = text.encode().hex()
        found = []
        for name in (row["name"] for row in names):
            query = (
                f"SELECT count(*) FROM {name} AS x WHERE x::text LIKE '%' || $1 || '%' OR x::text LIKE '%' || $2 || '%'"
            )
            if await connection.fetchval(query, text, raw):
                found.append(name)
        return found
    finally:
        await connection.close()


async def test_a_step_that_says_fail_tells_its_words(kernel):
    async def a(ctx, request):
        raise Fail("the payer is closed")

    services = await kernel(toy(does("a"), tasks={"a": a}, on_failure="fail"))
    made = await start_plan(services, services.registry.plans["toy.work"])
    await settle(services)
    assert (await step(services, made, "a"))["error"] == "Fail: the payer is closed"
