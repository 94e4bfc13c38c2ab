"""Enrolment files, on a real database."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_builders import Insured as Member
from policy_builders import policy, posting, product, terms_of, usage, use

from masterlinc.context import Context
from masterlinc.errors import Invalid, Malformed, NotFound
from masterlinc.identity import make_saudi_id
from masterlinc.ids import new_id
from policylinc.contract import CoverStatus, FindCover, PersonIdentifier
from policylinc.cover import find_cover
from policylinc.ledger import load_terms, post_benefits
from policylinc.roster.importing import import_members
from policylinc.roster.rows import COLUMNS, IDENTIFIERS
from policylinc.service import create_policy, create_product

FACTS = {"name": "Omar Saleh", "birth_date": "1985-02-03", "gender": "male"}
Line = dict[str, str]


@pytest_asyncio.fixture(loop_scope="session")
async def group(payer: Context) -> str:
    """The number of a group policy of 2026."""
    await create_product(payer, payer.principal.organization_id, product())
    return await a_policy(payer)


async def a_policy(ctx: Context, year: int = 2026) -> str:
    number = f"G-{new_id().hex[-12:]}"
    days = {"effective_date": date(year, 1, 1), "expiry_date": date(year, 12, 31)}
    await create_policy(ctx, ctx.principal.organization_id, policy(number, **days))
    return number


def as_csv(lines: Sequence[Line]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()


async def send(ctx: Context, *lines: Line, **options: Any) -> tuple[int, int, int, int]:
    """Send a file; answers how many lines added, changed, ended and did nothing."""
    done = await import_members(ctx, ctx.principal.organization_id, as_csv(lines), "csv", **options)
    assert done.rows == len(lines)
    return done.added, done.changed, done.ended, done.unchanged


async def faults(ctx: Context, data: bytes | Sequence[Line], form: Any = "csv") -> list[tuple[str, str]]:
    """Send a file that is refused; answers paths and codes."""
    before = await everything(ctx)
    with pytest.raises(Invalid) as refused:
        await import_members(
            ctx, ctx.principal.organization_id, data if isinstance(data, bytes) else as_csv(data), form
        )
    assert all(one.detail and one.detail_ar for one in refused.value.errors)
    assert await everything(ctx) == before
    return [(one.path, one.code) for one in refused.value.errors]


async def everything(ctx: Context) -> list[Any]:
    """All that is kept of members, in the order of their keys."""
    kept = []
    async with ctx.transaction() as tx:
        for table in ("member", "member_change", "member_identifier"):
            rows = await tx.fetch(f"SELECT * FROM policylinc.{table} WHERE organization_id = $1", *tx.organizations)
            kept.append(sorted(map(tuple, rows), key=repr))
    return kept


def number() -> str:
    return f"M-{new_id().hex[-12:]}"


async def found(ctx: Context, member: str | None, day: date, **more: Any) -> Any:
    asked = FindCover(service_date=day, member_number=member, **more)
    return await find_cover(ctx, asked)


async def test_a_member_is_added_changed_and_ended(payer: Context, group: str) -> None:
    one, iqama = number(), make_saudi_id("iqama", new_id().int % 10**8)
    add = {"policy_number": group, "member_number": one, **FACTS, "iqama": iqama}
    assert await send(payer, add) == (1, 0, 0, 0)
    change = {"action": "change", "member_number": one, "effective_from": "2026-05-01", "name": "Omar S. Saleh"}
    end = {"action": "end", "member_number": one, "effective_to": "2026-09-30"}
    assert await send(payer, change, end) == (0, 1, 1, 0)
    cover = await found(payer, None, date(2026, 9, 30), identifiers=(PersonIdentifier(IDENTIFIERS["iqama"], iqama),))
    assert (cover.found, cover.status, cover.policy_number) == (True, CoverStatus.ACTIVE, group)
    assert (await found(payer, one, date(2026, 10, 1))).status is CoverStatus.INACTIVE
    async with payer.transaction() as tx:
        rows = await tx.fetch("SELECT name, effective_from FROM policylinc.member_change ORDER BY id DESC LIMIT 1")
        sealed = await tx.fetchval("SELECT sealed FROM policylinc.member_identifier ORDER BY member_id DESC LIMIT 1")
    assert [tuple(row) for row in rows] == [("Omar S. Saleh", date(2026, 5, 1))]
    assert iqama.encode() not in sealed


async def test_the_same_file_twice_changes_nothing(payer: Context, group: str) -> None:
    father, child, later = number(), number(), await a_policy(payer, 2027)
    lines = [
        {"policy_number": group, "member_number": child, "name": "Sara", "birth_date": "2020-01-01"}
        | {"relationship": "child", "sponsor_number": father},
        {"policy_number": group, "member_number": father, **FACTS},
        {"action": "change", "member_number": father, "effective_from": "2026-03-01", "gender": "other"},
        {"action": "change", "member_number": father, "effective_from": "2026-02-01", "name": "Omar"},
        {"action": "end", "member_number": child, "effective_to": "2026-06-30"},
        {"policy_number": later, "member_number": father, "name": "Omar"},
    ]
    assert await send(payer, *lines) == (3, 2, 1, 0)
    before = await everything(payer)
    assert await send(payer, *lines) == (0, 0, 0, 6)
    assert await everything(payer) == before


async def test_a_check_changes_nothing_and_counts(payer: Context, group: str) -> None:
    before = await everything(payer)
    told: list[str] = []
    line = {"policy_number": group, "member_number": number(), **FACTS}
    assert await send(payer, line, check=True, tell=told.append) == (1, 0, 0, 0)
    assert await everything(payer) == before


async def test_every_fault_is_listed_with_line_and_field(payer: Context, group: str) -> None:
    good = {"policy_number": group, "member_number": number(), **FACTS}
    lines = [
        good,
        {"policy_number": "NONE", "member_number": number(), "name": "A"},
        {"policy_number": group, "member_number": number(), "name": "", "birth_date": "1.2.2020", "gender": "m"},
        {"action": "drop", "member_number": "x"},
        {"action": "change", "member_number": number(), "effective_from": "2026-01-01"},
        {"action": "end", "member_number": good["member_number"], "name": "B", "effective_to": "2026-02-30"},
        good | {"member_number": number(), "effective_from": "2025-12-31", "national_id": "1234567890"},
        good | {"member_number": number(), "birth_date": "2099-01-01"},
        good | {"member_number": number(), "relationship": "child"},
        good | {"member_number": number(), "sponsor_number": good["member_number"]},
        good | {"member_number": number(), "relationship": "child", "sponsor_number": "nobody"},
        good | {"effective_from": "2026-02-01"},
        good | {"member_number": number(), "effective_from": "2025-12-31"},
    ]
    assert await faults(payer, lines) == [
        ("lines[3].policy_number", "unknown"),
        ("lines[4].name", "missing"),
        ("lines[4].birth_date", "value"),
        ("lines[4].gender", "value"),
        ("lines[5].action", "choice"),
        ("lines[6].effective_from", "no-cover"),
        ("lines[7].name", "not-here"),
        ("lines[7].effective_to", "value"),
        ("lines[8].national_id", "identifier"),
        ("lines[9].birth_date", "range"),
        ("lines[9].effective_from", "range"),
        ("lines[9].effective_to", "range"),
        ("lines[10].sponsor_number", "missing"),
        ("lines[11].relationship", "missing"),
        ("lines[12].sponsor_number", "unknown"),
        ("lines[13].member_number", "overlap"),
        ("lines[14].effective_from", "range"),
    ]


async def test_what_contradicts_what_is_known_is_refused(payer: Context, group: str) -> None:
    one, other = number(), number()
    identity = make_saudi_id("national_id", new_id().int % 10**8)
    add = {"policy_number": group, "member_number": one, **FACTS, "national_id": identity}
    await send(payer, add)
    later = await a_policy(payer, 2027)
    assert await faults(payer, [add | {"name": "Somebody else"}]) == [("lines[2].name", "differs")]
    assert await faults(payer, [add | {"effective_to": "2026-06-30"}]) == [("lines[2].effective_to", "differs")]
    taken = {"policy_number": group, "member_number": other, "name": "B", "national_id": identity}
    assert await faults(payer, [taken]) == [("lines[2].national_id", "taken")]
    stranger = {"policy_number": later, "member_number": one, "name": "B", "birth_date": "2001-01-01"}
    assert await faults(payer, [stranger]) == [("lines[2].birth_date", "differs")]
    change = {"action": "change", "member_number": one, "effective_from": "2026-02-01", "name": "C"}
    assert await faults(payer, [change, change | {"name": "D"}]) == [("lines[3].member_number", "double")]
    end = {"action": "end", "member_number": one, "effective_to": "2026-06-30"}
    assert await faults(payer, [end, end | {"effective_to": "2026-05-30"}]) == [("lines[3].member_number", "double")]
    assert await faults(payer, [end | {"policy_number": later}]) == [("lines[2].policy_number", "differs")]


async def test_a_member_goes_to_another_policy_and_keeps_number_person_and_lifetime(payer: Context, group: str) -> None:
    one, better = number(), await a_policy(payer)
    identity = make_saudi_id("national_id", new_id().int % 10**8)
    await send(payer, {"policy_number": group, "member_number": one, **FACTS, "national_id": identity})
    move = {"action": "change", "member_number": one, "policy_number": better, "effective_from": "2026-07-01"}
    first = await found(payer, one, date(2026, 3, 1))
    await post_benefits(payer, posting(member(payer, first), use("dental", "100.00")))
    assert await send(payer, move) == (0, 1, 0, 0)
    assert await send(payer, move) == (0, 0, 0, 1)
    by_identity = (PersonIdentifier(IDENTIFIERS["national_id"], identity),)
    for day, holder in ((date(2026, 6, 30), group), (date(2026, 7, 1), better)):
        for cover in (await found(payer, one, day), await found(payer, None, day, identifiers=by_identity)):
            assert (cover.policy_number, cover.status) == (holder, CoverStatus.ACTIVE)
    again = await found(payer, one, date(2026, 7, 1))
    used = await usage(payer, member(payer, again), date(2026, 7, 1))
    assert (used.total().used, used.lifetime["dental"].used) == (0, 100)
    terms = await load_terms(payer, terms_of(member(payer, again), date(2026, 7, 1)))
    assert terms.policy_number == better
    assert await faults(payer, [move | {"policy_number": group}]) == [("lines[2].effective_from", "first-day")]


def member(ctx: Context, cover: Any) -> Member:
    return Member(
        ctx.principal.organization_id,
        cover.policy_number,
        "",
        cover.member_id,
        PersonIdentifier("", ""),
    )


async def test_json_takes_the_same_fields(payer: Context, group: str) -> None:
    line: dict[str, Any] = {"policy_number": group, "member_number": number(), "name": "A", "gender": None}
    home = payer.principal.organization_id
    done = await import_members(payer, home, json.dumps([line]).encode(), "json")
    assert (done.added, done.unchanged) == (1, 0)
    wrong = [line | {"gender": 1, "colour": "red"}, line | {"policy_number": "NONE", "member_number": number()}]
    assert await faults(payer, json.dumps(wrong).encode(), "json") == [
        ("lines[1].gender", "type"),
        ("lines[1].colour", "unknown"),
        ("lines[2].policy_number", "unknown"),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"colour,member_number\n", [("heading.colour", "unknown")]),
        (b"name,name\n", [("heading.name", "double"), ("heading.member_number", "missing")]),
        (b"", [("heading.member_number", "missing")]),
        (b"member_number,name\nM-1,A,B\n", [("lines[2]", "fields")]),
    ],
)
async def test_a_file_of_another_form_is_refused(payer: Context, data: bytes, expected: list[tuple[str, str]]) -> None:
    assert await faults(payer, data) == expected


@pytest.mark.parametrize("data", [b"\xff\xfe", b"member_number\n\0\n", b'member_number\n"open\n'])
async def test_what_is_no_csv_cannot_be_read(payer: Context, data: bytes) -> None:
    with pytest.raises(Malformed):
        await import_members(payer, payer.principal.organization_id, data, "csv")


async def test_a_long_file_is_taken_in_parts_with_its_dependants_in_any_order(payer: Context, group: str) -> None:
    """1,500 families whose children stand before them: a thousand rows are written at a time."""
    mark = new_id().hex[-12:]
    heads = [{"policy_number": group, "member_number": f"{mark}-{n}", "name": "A"} for n in range(1500)]
    children = [
        {"policy_number": group, "member_number": f"{mark}-{n}-1", "name": "B", "relationship": "child"}
        | {"sponsor_number": f"{mark}-{n}"}
        for n in range(1500)
    ]
    told: list[str] = []
    assert await send(payer, *children, *heads, tell=told.append) == (3000, 0, 0, 0)
    assert told == [*(f"read {n}000 of 3000 lines" for n in (1, 2, 3)), "writing 3000 of 3000 lines"]
    assert await send(payer, *children, *heads) == (0, 0, 0, 3000)


async def test_two_files_at_once_wait_for_each_other(payer: Context, group: str) -> None:
    """Both add the same member: one adds, the other finds the member there."""
    for _ in range(5):
        line = {"policy_number": group, "member_number": number(), **FACTS}
        done = await asyncio.gather(*(send(payer, line) for _ in range(3)))
        assert sorted(done) == [(0, 0, 0, 1), (0, 0, 0, 1), (1, 0, 0, 0)]


async def test_a_file_has_an_end(payer: Context, group: str) -> None:
    lines = [{"policy_number": group, "member_number": f"L-{n}", "name": "A"} for n in range(20_001)]
    with pytest.raises(Invalid, match="20000 lines"):
        await import_members(payer, payer.principal.organization_id, as_csv(lines), "csv")


async def test_another_payer_s_members_are_out_of_reach(payer: Context) -> None:
    with pytest.raises(NotFound):
        await import_members(payer, new_id(), as_csv([]), "csv")


_DAYS = st.integers(0, 364).map(lambda days: str(date(2026, 1, 1) + timedelta(days)))
_NUMBERS = st.sampled_from(["A", "B", "C"])
_LINES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"member_number": _NUMBERS, "name": st.sampled_from(["X", "Y"])}),
        st.fixed_dictionaries(
            {"action": st.just("change"), "member_number": _NUMBERS, "effective_from": _DAYS, "name": st.just("Z")}
        ),
        st.fixed_dictionaries({"action": st.just("end"), "member_number": _NUMBERS, "effective_to": _DAYS}),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=_LINES)
async def test_any_file_is_taken_whole_or_not_at_all_and_once(
    payer: Context, group: str, lines: list[dict[str, str]]
) -> None:
    del group  # the product is there
    fresh = await a_policy(payer)
    mark = new_id().hex[-12:]
    file = [
        line
        | {"member_number": f"{mark}-{line['member_number']}"}
        | ({} if "action" in line else {"policy_number": fresh})
        for line in lines
    ]
    before = await everything(payer)
    try:
        await send(payer, *file)
    except Invalid:
        assert await everything(payer) == before
        return
    after = await everything(payer)
    assert await send(payer, *file) == (0, 0, 0, len(file))
    assert await everything(payer) == after
