"""The routes and the command of a payer's members."""

import asyncio
import json
from argparse import Namespace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from policy_builders import Insured, national_id, posting, use
from test_roster import FACTS, a_policy, as_csv, group, number, send

from authlinc.contract import OrganizationKind
from masterlinc.context import Context
from masterlinc.errors import StartupError
from masterlinc.ids import show
from masterlinc.testing import Running, bearer
from policylinc import cli
from policylinc.ledger import post_benefits

__all__ = ["group"]  # the fixture


async def get(client: httpx.AsyncClient, running: Running, ctx: Context, path: str, **query: Any) -> httpx.Response:
    return await client.get(f"/api/v1/members{path}", params=query, headers=bearer(running, ctx.principal))


async def post(
    client: httpx.AsyncClient, running: Running, ctx: Context, data: bytes, kind: str = "text/csv", **query: Any
) -> httpx.Response:
    headers = bearer(running, ctx.principal) | {"Content-Type": kind}
    return await client.post("/api/v1/members/import", content=data, params=query, headers=headers)


async def test_a_file_is_taken_over_http_and_once_a_key(
    client: httpx.AsyncClient, running: Running, payer: Context, group: str
) -> None:
    line = {"policy_number": group, "member_number": number(), **FACTS}
    checked = await post(client, running, payer, as_csv([line]), check="true")
    assert (checked.status_code, checked.json()["added"], checked.json()["checked_only"]) == (200, 1, True)
    answer = await post(client, running, payer, json.dumps([line]).encode(), "application/json")
    assert (answer.status_code, answer.json()["added"], answer.json()["checked_only"]) == (200, 1, False)
    again = await post(client, running, payer, as_csv([line]), "text/csv; charset=UTF-8")
    assert (again.json()["added"], again.json()["unchanged"]) == (0, 1)


async def test_faults_are_told_in_both_languages(
    client: httpx.AsyncClient, running: Running, payer: Context, group: str
) -> None:
    lines = [{"policy_number": "NONE", "member_number": "1", "name": "A"}, {"policy_number": group, "name": "B"}]
    answer = await post(client, running, payer, as_csv(lines))
    assert answer.status_code == 422
    faults = answer.json()["errors"]
    assert [one["path"] for one in faults] == ["lines[2].policy_number", "lines[3].member_number"]
    assert all(one["detail"] and one["detail_ar"] for one in faults)


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"member_number\n", "text/plain", 415),
        (b"{", "application/json", 400),
        (b'{"a": 1}', "application/json", 422),
        (b"\xff", "text/csv", 400),
        (b'[{"member_number": "1", "member_number": "2"}]', "application/json", 400),
    ],
)
async def test_a_body_of_another_form_is_refused(
    client: httpx.AsyncClient, running: Running, payer: Context, data: bytes, kind: str, status: int
) -> None:
    assert (await post(client, running, payer, data, kind)).status_code == status


async def test_members_are_listed_by_number_and_policy(
    client: httpx.AsyncClient, running: Running, payer: Context, group: str
) -> None:
    one, other, better = number(), number(), await a_policy(payer, 2027)
    lines = [{"policy_number": group, "member_number": each, **FACTS} for each in (one, other)]
    await send(payer, *lines, {"policy_number": better, "member_number": one, "name": "Omar"})
    of_group = (await get(client, running, payer, "", policy_number=group)).json()
    assert [each["member_number"] for each in of_group["members"]] == sorted([one, other])
    assert (of_group["total"], of_group["total_exact"]) == (2, True)
    by_number = (await get(client, running, payer, "", search=one)).json()["members"]
    assert [each["policy_number"] for each in by_number] == [better, group]
    assert by_number[0]["member_id"].startswith("MBR-")
    second = (await get(client, running, payer, "", policy_number=group, page=2, page_size=1)).json()
    assert [each["member_number"] for each in second["members"]] == sorted([one, other])[1:]
    assert (await get(client, running, payer, "", search="\u202e")).json()["members"] == []
    assert (await get(client, running, payer, "", page_size=101)).status_code == 422


async def test_a_member_is_shown_with_everything_and_audited(
    client: httpx.AsyncClient, running: Running, payer: Context, group: str
) -> None:
    father, child, identity = number(), number(), national_id(4711).value
    await send(
        payer,
        {"policy_number": group, "member_number": father, **FACTS, "national_id": identity},
        {"policy_number": group, "member_number": child, "name": "Sara", "birth_date": "2020-01-01"}
        | {"relationship": "child", "sponsor_number": father},
        {"action": "change", "member_number": father, "effective_from": "2026-01-01", "name": "Omar S. Saleh"},
    )
    key = (await get(client, running, payer, "", search=father)).json()["members"][0]["member_id"]
    answer = await get(client, running, payer, f"/{key}")
    shown = answer.json()
    assert (shown["name"], shown["birth_date"], shown["relationship"]) == ("Omar S. Saleh", "1985-02-03", "self")
    assert (shown["dependants"], shown["sponsor_number"]) == ([child], None)
    assert [one["name"] for one in shown["changes"]] == ["Omar S. Saleh"]
    assert [one["policy_number"] for one in shown["covers"]] == [group]
    assert [one["ending"] for one in shown["identifiers"]] == [identity[-4:]]
    assert identity not in answer.text
    key = (await get(client, running, payer, "", search=child)).json()["members"][0]["member_id"]
    assert (await get(client, running, payer, f"/{key}")).json()["sponsor_number"] == father
    async with payer.transaction() as tx:
        sql = "SELECT count(*) FROM masterlinc.audit_event WHERE action = $1 AND organization_id = $2"
        for action, least in (("member.read", 2), ("member.list", 2), ("member.enrolled", 2), ("member.changed", 1)):
            assert await tx.fetchval(sql, action, payer.principal.organization_id) >= least, action


async def test_members_are_the_payer_s_own(
    client: httpx.AsyncClient,
    running: Running,
    payer: Context,
    clinic: Context,
    insured: Insured,
    new_context: Any,
) -> None:
    rival = await new_context(OrganizationKind.PAYER, "payer_admin")
    key = show("MBR", insured.member_id)
    assert (await get(client, running, rival, f"/{key}")).status_code == 404
    assert (await get(client, running, rival, "", search=insured.member_number)).json()["members"] == []
    assert (await get(client, running, clinic, f"/{key}")).status_code == 403
    assert (await post(client, running, clinic, b"member_number\n")).status_code == 403
    assert (await get(client, running, payer, "/MBR-1")).status_code == 404
    assert (await get(client, running, payer, f"/{key}")).status_code == 200


async def command(path: Path, payer: str, *, check: bool = False) -> int:
    return await asyncio.to_thread(cli.import_members, Namespace(file=path, payer=payer, check=check))


@pytest.mark.usefixtures("system")
async def test_the_command_takes_a_file_and_tells(
    payer: Context, group: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, path = show("ORG", payer.principal.organization_id), tmp_path / "members.csv"
    line = {"policy_number": group, "member_number": number(), **FACTS}
    path.write_bytes(as_csv([line]))
    assert await command(path, home, check=True) == 0
    assert "1 lines: 1 would be added" in capsys.readouterr().out
    assert await command(path, home) == 0
    told = capsys.readouterr()
    assert "1 lines: 1 added, 0 changed, 0 ended, 0 unchanged" in told.out
    assert "writing 1 of 1 lines" in told.err
    path = tmp_path / "members.json"
    path.write_text(json.dumps([line | {"gender": "x"}, line | {"policy_number": "NONE"}]))
    with pytest.raises(StartupError, match="2 faults"):
        await command(path, home)
    complaints = capsys.readouterr().err.splitlines()
    assert [one.split(":")[0] for one in complaints] == ["lines[1].gender", "lines[2].policy_number"]
    with pytest.raises(StartupError, match="no payer"):
        await command(path, "N-0")
    with pytest.raises(StartupError, match=r"nothing\.csv"):
        await command(tmp_path / "nothing.csv", home)


async def test_use_is_not_lost_by_a_file(payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "10.00")))
    end = {"action": "end", "member_number": insured.member_number, "effective_to": "2026-06-30"}
    assert await send(payer, end) == (0, 0, 1, 0)
    async with payer.transaction() as tx:
        used = await tx.fetchval("SELECT used FROM policylinc.balance WHERE member_id = $1", insured.member_id)
        last = await tx.fetchval("SELECT effective_to FROM policylinc.member WHERE id = $1", insured.member_id)
    assert (used, last) == (10, date(2026, 6, 30))
