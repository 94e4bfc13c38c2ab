"""Importing dated terms: whole or not at all, with every fault at its path or line."""

import asyncio
import csv
import io
import json
from argparse import Namespace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from policy_builders import Insured, terms_of

from authlinc.contract import FindOrganization, OrganizationInfo, OrganizationKind
from authlinc.service.directory import License, NewOrganization, create_organization
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.errors import Invalid, StartupError
from masterlinc.ids import new_id, show
from masterlinc.money import Money
from policylinc import cli
from policylinc.changes.importing import Outcome, import_documents
from policylinc.changes.reading import read_file
from policylinc.contract import LimitPer, WhenLate
from policylinc.drafts import MemberDraft
from policylinc.ledger import load_terms
from policylinc.service import enrol_member

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "policies"


async def run(ctx: Context, name: str, data: bytes | str, **switches: Any) -> list[Outcome]:
    read = read_file(name, data.encode() if isinstance(data, str) else data)
    return await import_documents(ctx, ctx.principal.organization_id, read, **switches)


async def refused(ctx: Context, name: str, data: bytes | str, **switches: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        await run(ctx, name, data, **switches)
    assert all(one.detail and one.detail_ar for one in caught.value.errors)
    return [(one.path, one.code) for one in caught.value.errors]


def product(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "product",
        "effective_from": "2026-01-01",
        "code": "P",
        "name": "P",
        "name_ar": "م",
        "policy_type": "STD",
        "classes": [
            {
                "policy_class": "C",
                "annual_limit": "1000",
                "benefits": [{"benefit": "outpatient"}, {"benefit": "dental", "year_limit": "200"}],
            }
        ],
    } | changes


async def providers(ctx: Context) -> dict[str, str]:
    """Make the providers that the examples name, under licences of this test's own."""
    named = {}
    for license_ in ("N-F-00001", "N-F-00003"):
        number = f"{license_}-{new_id().hex[-12:]}"
        new = NewOrganization(
            OrganizationKind.PROVIDER,
            "A clinic",
            "عيادة",
            (License("http://nphies.sa/license/provider-license", number),),
        )
        await create_organization(ctx, new)
        named[license_] = number
    return named


async def example(ctx: Context, name: str, numbers: dict[str, str]) -> list[Outcome]:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for license_, number in numbers.items():
        text = text.replace(license_, number)
    return await run(ctx, name, text)


async def test_the_examples_of_the_manual_are_imported_and_decided_by(payer: Context, running: Any) -> None:
    numbers = await providers(payer)
    told = [
        await example(payer, name, numbers) for name in ("product-gold.json", "prices.csv", "rules.csv", "policies.csv")
    ]
    assert [(one.kind, one.subject) for outcomes in told for one in outcomes] == [
        ("payer", ""),
        ("network", "GOLD-NET"),
        ("product", "GOLD"),
        ("price_list", "GOLD-1"),
        ("service_rules", "GOLD"),
        ("policy", "GOLD-2026-0007"),
        ("policy", "GOLD-2026-0008"),
    ]
    home, number = payer.principal.organization_id, "GOLD-2026-0007"
    draft = MemberDraft(policy_number=number, member_number="M7", name="نورة", gender="female")
    insured = Insured(home, number, "M7", await enrol_member(payer, home, draft), None)  # type: ignore[arg-type]
    hospital = await payer.call(FindOrganization(numbers["N-F-00001"]), OrganizationInfo)
    terms = await load_terms(payer, terms_of(insured, provider_organization_id=hospital.organization_id))
    assert (terms.annual_limit, terms.network, terms.in_network, terms.provider_class) == (
        Money("1000000.00"),
        "GOLD-NET",
        True,
        "HOSPITAL",
    )
    benefits = {one.benefit: one for one in terms.benefits}
    assert (benefits["outpatient"].copay_percent, benefits["outpatient"].copay_cap) == (Decimal(20), Money("100.00"))
    assert benefits["pharmacy"].copay_cap_per is LimitPer.ITEM
    assert (benefits["dialysis"].parent, benefits["maternity"].waiting_days) == ("outpatient", 280)
    assert [(one.code, one.amount) for one in terms.prices] == [
        ("38618-00-00", Money("14500.00")),
        ("83600-00-10", Money("180.00")),
    ]
    assert (terms.contract, terms.percent_of_billed) == ("GOLD-1", Decimal(90))
    assert [one.id for one in terms.rules] == [
        "authorization.imaging@1",
        "exclusion.cosmetic@1",
        "frequency.glasses@1",
        "sex.births@1",
        "waiting.maternity@1",
        "GOLD-A.inpatient.authorization@1",
        "GOLD-A.outpatient.authorization@1",
    ]
    assert (terms.follow_up_days, terms.filing_days, terms.vat_percent) == (14, 45, Decimal(15))
    assert terms.authorization.when_late is WhenLate.APPROVE
    stranger = await load_terms(payer, terms_of(insured, provider_organization_id=new_id()))
    assert (stranger.in_network, stranger.benefits[4].copay_percent) == (False, Decimal(50))


async def test_every_fault_of_a_file_is_listed_at_once(payer: Context) -> None:
    benefits = [
        {"benefit": "outpatient", "copay_percent": "100.01", "year_limit": "-1"},
        {"benefit": "telepathy"},
        {"benefit": "dental", "limits": [{"kind": "count", "per": "year", "value": -5}]},
        {"benefit": "dental", "copay_cap": "1e3"},
    ]
    wrong = product(
        effective_from="2026-02-30",
        classes=[{"policy_class": "C", "annual_limit": "0.001", "network": "NOWHERE", "benefits": benefits}],
        colour="red",
    )
    assert sorted(await refused(payer, "p.json", json.dumps(wrong))) == [
        ("classes[0].benefits[0].copay_percent", "percent"),
        ("classes[0].benefits[0].year_limit", "amount"),
        ("classes[0].benefits[1].benefit", "unknown"),
        ("classes[0].benefits[2].limits[0].value", "amount"),
        ("classes[0].benefits[3].copay_cap", "format"),
        ("colour", "unknown"),
        ("effective_from", "format"),
    ]


async def test_what_the_database_knows_is_asked_too(payer: Context) -> None:
    outside = product(
        classes=[
            {
                "policy_class": "C",
                "annual_limit": 5,
                "network": "NOWHERE",
                "benefits": [{"benefit": "lasers", "parent": "dental", "codes": ["9*"]}],
            }
        ]
    )
    assert await refused(payer, "p.json", json.dumps(outside)) == [("classes[0].benefits[0].parent", "unknown")]
    outside["classes"][0]["benefits"] = []
    rules = {"kind": "service_rules", "effective_from": "2026-01-01", "product": "NONE", "rules": []}
    prices = {"kind": "price_list", "effective_from": "2026-01-01", "contract": "X", "provider": "N-0", "prices": []}
    network = {
        "kind": "network",
        "effective_from": "2026-01-01",
        "code": "N",
        "name": "N",
        "name_ar": "ش",
        "providers": [{"provider": "nobody"}],
    }
    assert sorted(await refused(payer, "p.json", json.dumps([outside, rules, prices, network]))) == [
        ("[0].classes[0].network", "unknown"),
        ("[1].product", "unknown"),
        ("[2].percent_of_billed", "missing"),
        ("[2].provider", "unknown"),
        ("[3].providers[0].provider", "unknown"),
    ]


async def test_nothing_is_half_done(payer: Context) -> None:
    wrong = {"kind": "service_rules", "effective_from": "2026-01-01", "product": "NONE", "rules": []}
    assert await refused(payer, "p.json", json.dumps([product(), wrong])) == [("[1].product", "unknown")]
    async with payer.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM policylinc.product") == 0
        assert await tx.fetchval("SELECT count(*) FROM policylinc.benefit") == 0


async def test_a_rule_says_for_which_diagnoses_a_service_is_done(payer: Context) -> None:
    rule = {"rule": "diagnosis.clinic", "kind": "diagnosis", "text": "Diabetes", "text_ar": "السكري"}
    document = {"kind": "service_rules", "effective_from": "2026-01-01"}
    assert await refused(payer, "p.json", json.dumps(document | {"rules": [rule]})) == [
        ("rules[0].codes", "missing"),
        ("rules[0].diagnoses", "missing"),
    ]
    whole = rule | {"codes": ["83600*"], "diagnoses": ["E10*", "E11*"]}
    await run(payer, "p.json", json.dumps(document | {"rules": [whole]}))
    async with payer.transaction() as tx:
        row = await tx.fetchrow("SELECT kind, codes, diagnoses FROM policylinc.service_rule")
    assert tuple(row) == ("diagnosis", ["83600*"], ["E10*", "E11*"])


async def test_a_rule_says_what_a_service_includes(payer: Context) -> None:
    header = "rule,kind,text,text_ar,effective_from,codes,includes\n"
    wrong = "package.a,package,Dressings,ضمادات,2026-01-01,83600*,\nsex.b,sex,B,ب,2026-01-01,1,2\n"
    assert await refused(payer, "rules.csv", header + wrong) == [
        ("line 2, includes", "missing"),
        ("line 3, sex", "missing"),
        ("line 3, includes", "kind"),
    ]
    await run(payer, "rules.csv", header + "package.a,package,Dressings,ضمادات,2026-01-01,83600*,X1..X9 Y1\n")
    async with payer.transaction() as tx:
        row = await tx.fetchrow("SELECT kind, codes, includes FROM policylinc.service_rule")
    assert tuple(row) == ("package", ["83600*"], ["X1..X9", "Y1"])


async def test_a_check_changes_nothing(payer: Context) -> None:
    told = await run(payer, "p.json", json.dumps(product()), check=True)
    assert [(one.difference.added, one.difference.changed, one.difference.ended) for one in told] == [(3, 0, 0)]
    async with payer.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM policylinc.product") == 0
    assert await run(payer, "p.json", json.dumps(product())) == told


async def test_the_same_again_changes_nothing(payer: Context) -> None:
    await run(payer, "p.json", json.dumps(product()))
    again = await run(payer, "p.json", json.dumps(product(effective_from="2026-03-01")))
    assert [(one.difference.added, one.difference.changed, one.difference.ended) for one in again] == [(0, 0, 0)]


async def test_a_new_version_ends_changes_and_adds(payer: Context) -> None:
    await run(payer, "p.json", json.dumps(product()))
    later = (today(payer.clock) + timedelta(days=30)).isoformat()
    classes = [
        {
            "policy_class": "C",
            "annual_limit": "1000",
            "benefits": [{"benefit": "outpatient", "copay_percent": 10}, {"benefit": "optical"}],
        }
    ]
    (told,) = await run(payer, "p.json", json.dumps(product(effective_from=later, classes=classes)))
    assert [(one.item, one.change) for one in told.difference.items] == [
        ("C/dental", "ended"),
        ("C/optical", "added"),
        ("C/outpatient", "changed"),
    ]
    changed = told.difference.items[2].fields
    assert [(one.field, one.before, one.after) for one in changed] == [("copay_percent", "0", "10")]


async def test_a_version_that_is_planned_is_replaced_and_one_that_holds_is_not(payer: Context) -> None:
    await run(payer, "p.json", json.dumps(product()))
    day = today(payer.clock)
    limit = [{"policy_class": "C", "annual_limit": "2000", "benefits": [{"benefit": "outpatient"}]}]
    planned = product(effective_from=(day + timedelta(days=60)).isoformat(), classes=limit)
    await run(payer, "p.json", json.dumps(planned))
    sooner = product(effective_from=(day + timedelta(days=30)).isoformat(), classes=limit)
    await run(payer, "p.json", json.dumps(sooner))
    async with payer.transaction() as tx:
        rows = await tx.fetch("SELECT version, withdrawn_on FROM policylinc.class_terms ORDER BY version")
    assert [(row["version"], row["withdrawn_on"]) for row in rows] == [(1, None), (2, day), (3, None)]
    before = product(effective_from="2025-12-01", classes=limit)
    assert await refused(payer, "p.json", json.dumps(before), backdated=True) == [("effective_from", "overlap")] * 3


async def test_days_that_are_over_are_changed_only_when_it_is_said(payer: Context) -> None:
    await run(payer, "p.json", json.dumps(product()))
    better = product(effective_from="2026-02-01", classes=[{"policy_class": "C", "annual_limit": 9, "benefits": []}])
    assert await refused(payer, "p.json", json.dumps(better)) == [("effective_from", "past")]
    await run(payer, "p.json", json.dumps(better), backdated=True)


def sheet(*rows: dict[str, str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


async def test_faults_of_a_sheet_name_line_and_column(payer: Context) -> None:
    row = {
        "contract": "A",
        "effective_from": "2026-01-01",
        "system": "s",
        "code": "1",
        "amount": "5",
        "percent_of_billed": "101",
    }
    text = sheet(row, row | {"code": "2", "amount": "-0.01"}, row | {"code": "1"}, row | {"code": "3", "amount": "x"})
    assert await refused(payer, "p.csv", text) == [
        ("line 3, amount", "amount"),
        ("line 5, amount", "format"),
    ]
    right = sheet(row, row | {"code": "1"})
    assert await refused(payer, "p.csv", right) == [
        ("line 2, percent_of_billed", "percent"),
        ("line 3, code", "double"),
    ]
    rule = {"rule": "Age", "kind": "age", "text": "t", "text_ar": "ن", "effective_from": "2026-01-01", "sex": "no"}
    assert sorted(await refused(payer, "r.csv", sheet(rule))) == [
        ("line 2, min_age", "missing"),
        ("line 2, rule", "format"),
        ("line 2, sex", "choice"),
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", ("line 1, effective_from", "missing")),
        (b"\xff\xfe", ("line 1", "encoding")),
        (b'rule,kind,text,text_ar,effective_from\n"a,b\n', ("line 2", "csv")),
        (b"rule,kind,text,text_ar,effective_from,colour\n", ("line 1, colour", "unknown")),
        (b"contract,effective_from,system,code,amount\nA,2026-01-01,s,c,1,9\n", ("line 2", "columns")),
    ],
)
async def test_what_is_no_sheet_is_refused(payer: Context, data: bytes, fault: tuple[str, str]) -> None:
    assert fault in await refused(payer, "p.csv", data)


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"kind": "magic"}', b'{"kind": "payer"}', b'"x"'])
async def test_what_is_no_document_is_refused(payer: Context, data: bytes) -> None:
    assert await refused(payer, "p.json", data)


async def test_a_new_contract_takes_the_place_of_the_old(payer: Context) -> None:
    def prices(contract: str, day: str, **more: Any) -> str:
        return json.dumps({"kind": "price_list", "effective_from": day, "contract": contract, "prices": [], **more})

    await run(payer, "p.json", prices("ONE", "2026-01-01", percent_of_billed=90))
    await run(payer, "p.json", prices("TWO", "2026-07-01", percent_of_billed=80))
    async with payer.transaction() as tx:
        rows = await tx.fetch("SELECT code, effective_to FROM policylinc.contract ORDER BY code")
    assert [(row["code"], row["effective_to"]) for row in rows] == [("ONE", date(2026, 6, 30)), ("TWO", None)]
    assert await refused(payer, "p.json", prices("TWO", "2026-08-01", percent_of_billed=70)) == [
        ("percent_of_billed", "fixed")
    ]
    assert await refused(payer, "p.json", prices("BEFORE", "2026-06-01", percent_of_billed=70)) == [
        ("effective_from", "overlap")
    ]


async def command(payer: str, *files: Path, **switches: bool) -> int:
    options = {"check": False, "backdated": False} | switches
    return await asyncio.to_thread(cli.import_terms, Namespace(files=list(files), payer=payer, **options))


@pytest.mark.usefixtures("system")
async def test_the_command_takes_files_and_tells(
    payer: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = show("ORG", payer.principal.organization_id)
    terms, prices = tmp_path / "p.json", tmp_path / "prices.csv"
    terms.write_text(json.dumps(product()))
    row = {"contract": "A", "effective_from": "2026-01-01", "percent_of_billed": "90", "system": "s", "code": "1"}
    prices.write_text(sheet(row | {"amount": "5"}, row | {"code": "2", "amount": "-5"}))
    with pytest.raises(StartupError, match="1 fault"):
        await command(home, terms, prices)
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"{prices}: line 3, amount: ")
    prices.write_text(sheet(row | {"amount": "5"}))
    assert await command(home, terms, prices, check=True) == 0
    assert "Nothing was changed: this was a check" in capsys.readouterr().out
    assert await command(home, terms, prices) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "product P from 2026-01-01: 3 added, 0 changed, 0 ended",
        "price_list A from 2026-01-01: 1 added, 0 changed, 0 ended",
    ]
    assert "2 of 2: price_list A" in told.err
    with pytest.raises(StartupError, match="no payer"):
        await command("N-0", terms)
    with pytest.raises(StartupError, match=r"nothing\.csv"):
        await command(home, tmp_path / "nothing.csv")


async def test_a_long_list_is_written_by_few_statements(payer: Context, statements: Any) -> None:
    row = {"contract": "LONG", "effective_from": "2026-01-01", "percent_of_billed": "90", "system": "s"}
    rows = [row | {"code": f"{number:05d}", "amount": f"{number % 900 + 1}.50"} for number in range(5_000)]
    with statements() as sent:
        (told,) = await run(payer, "long.csv", sheet(*rows))
    assert (told.difference.added, len(told.difference.items)) == (5_000, 1_000)
    assert len(sent) < 15, sent
    changed = [one | {"amount": "1.00"} if one["code"] < "00010" else one for one in rows]
    later = sheet(*(one | {"effective_from": "2090-01-01"} for one in changed))
    (told,) = await run(payer, "long.csv", later)
    assert (told.difference.added, told.difference.changed, told.difference.ended) == (0, 10, 0)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"effective_from": "0001-01-01"}, ("effective_from", "range")),
        ({"effective_from": "9999-12-31"}, ("effective_from", "range")),
        ({"name": "\u202e"}, ("name", "text")),
        ({"classes": [{"policy_class": f"C{one}", "annual_limit": 1} for one in range(51)]}, ("classes", "length")),
    ],
)
async def test_odd_documents_are_refused(payer: Context, changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert await refused(payer, "p.json", json.dumps(product(**changes))) == [fault]


@pytest.mark.parametrize("reference", ["", "N\n1", "x" * 65, "\ud800"])
async def test_odd_references_are_refused(payer: Context, reference: str) -> None:
    terms = {"kind": "payer", "effective_from": "2026-01-01", "administrator": reference}
    assert await refused(payer, "p.json", json.dumps(terms))
    assert await refused(payer, "p.csv", f"contract,effective_from,system,code,amount\nA\0,2026-01-01,s,1,1{chr(10)}")


async def test_a_policy_is_sold_once_and_then_only_its_status_changes(payer: Context) -> None:
    def sold(**changes: Any) -> str:
        policy = {
            "kind": "policy",
            "effective_from": "2026-01-01",
            "expiry_date": "2026-12-31",
            "policy_number": "P-1",
            "product": "P",
            "policy_class": "C",
            "holder": "A company",
        }
        return json.dumps(policy | changes)

    assert await refused(payer, "p.json", sold()) == [("product", "unknown")]
    await run(payer, "p.json", json.dumps(product()))
    assert await refused(payer, "p.json", sold(expiry_date="2025-12-31", deductible=-1, status="lapsed")) == [
        ("status", "choice")
    ]
    assert await refused(payer, "p.json", sold(expiry_date="2025-12-31", deductible=-1)) == [
        ("expiry_date", "order"),
        ("deductible", "amount"),
    ]
    assert await refused(payer, "p.json", sold(network="NOWHERE")) == [("network", "unknown")]
    (made,) = await run(payer, "p.json", sold(deductible="50"))
    assert (made.difference.added, made.difference.items[0].item) == (1, "P-1")
    async with payer.transaction() as tx:
        row = await tx.fetchrow("SELECT annual_limit, deductible, status FROM policylinc.policy")
    assert tuple(row) == (Decimal(1000), Decimal(50), "active")
    assert await refused(payer, "p.json", sold(holder="Another", expiry_date="2027-01-01")) == [
        ("holder", "fixed"),
        ("expiry_date", "fixed"),
    ]
    (again,) = await run(payer, "p.json", sold())
    assert (again.difference.added, again.difference.changed) == (0, 0)
    (changed,) = await run(payer, "p.json", sold(status="suspended"))
    assert [(one.field, one.before, one.after) for one in changed.difference.items[0].fields] == [
        ("status", "active", "suspended")
    ]
