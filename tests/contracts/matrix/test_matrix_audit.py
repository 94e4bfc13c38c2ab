"""Every route that reads health data or changes anything leaves its row: asked once, as somebody who may."""

from pathlib import Path

import pytest_asyncio
from audited import LONGER, QUIET, ROWS, bodies
from cells import STRANGERS, cells
from declared import BODIES, Place
from peopled import CLERK

from masterlinc.ids import new_id

ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ask(asker, routes):
    """Ask a route once as somebody who may; answers its status, its body and the actions of the rows that it left."""
    peopled, wanted = asker.peopled, {}
    rbac = peopled.running.services.verifier.rbac
    for cell in cells(routes, rbac):
        allowed = cell.who not in STRANGERS and cell.who in rbac.roles and not cell.codes
        if allowed and cell.place in {None, Place.OWN}:
            wanted.setdefault(cell.route.name, cell)
    await asker.prepare({cell.route.thing: None for cell in wanted.values() if cell.route.thing})
    sent = dict(BODIES) | await bodies(peopled, peopled.maker(peopled.providers[0], CLERK))

    async def make(name, path=""):
        cell, trace = wanted[name], new_id().hex
        headers = await asker.headers(cell.who, asker.house(cell))
        headers |= {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "idempotency-key": trace}
        answer = await asker.send(cell.route.method, path or await asker.path(cell), headers, sent.get(name, {}))
        rows = await peopled.root.fetch("SELECT DISTINCT action FROM masterlinc.audit_event WHERE trace_id = $1", trace)
        return answer.status, answer.body[:300], sorted(row["action"] for row in rows)

    make.path = lambda name: asker.path(wanted[name])
    return make


def test_every_route_says_what_it_leaves(routes):
    names = {route.name for route in routes}
    assert names == {*ROWS, *QUIET, *LONGER}, "say in tests/contracts/matrix/audited.py which audit rows a route leaves"
    assert len(names) == len(ROWS) + len(QUIET) + len(LONGER)


async def test_what_reads_health_data_or_changes_anything_leaves_its_rows(ask):
    left = {name: await ask(name) for name in ROWS}
    assert {name: one for name, one in left.items() if one[0] >= 300 or one[2] != ROWS[name]} == {}


async def test_what_leaves_no_row_was_answered(ask):
    left = {name: await ask(name) for name in QUIET}
    assert {name: one for name, one in left.items() if one[0] >= 400 or one[2]} == {}


async def test_without_its_row_nothing_that_leaves_one_is_answered(ask, peopled):
    """No audit, no health data (case 163): reads too, while what needs no row goes on."""
    paths = {name: await ask.path(name) for name in ROWS if name.startswith("GET ")}
    await peopled.root.execute("REVOKE INSERT ON masterlinc.audit_event FROM masterlinc_app")
    try:
        left = {name: (await ask(name, path))[0] for name, path in paths.items()}
        quiet = (await ask("GET /api/v1/agents"))[0]
    finally:
        await peopled.root.execute("GRANT INSERT ON masterlinc.audit_event TO masterlinc_app")
    assert {name: status for name, status in left.items() if status < 500} == {}
    assert quiet == 200


def test_what_one_request_does_not_reach_is_written_by_the_code():
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("masterlinc", "plugins")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert [action for action in LONGER.values() if f'"{action}"' not in source] == []
