"""The pages say what the code says: settings, routes, permissions, events, tasks, rules, examples, links."""

import inspect
import re
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID
from xml.etree import ElementTree as ET

import msgspec
import pytest
from litestar import Litestar
from msgspec import NODEFAULT, Struct

from claimlinc.adjudication import RULES, Facts, benefit_uses, decide
from claimlinc.adjudication.pages import pages
from claimlinc.adjudication.rules import MONEY_RULES
from claimlinc.contract import ClaimSubmission, ClaimType, Coding, Cover, Identifier, Line, Subject, Use
from claimlinc.service.workflow import CLAIM
from masterlinc.agent import Agent, Permission, Schedule, SealedColumn, Step, Subscription, Task, Workflow
from masterlinc.app import create_app, declared_permissions
from masterlinc.authoring.scaffold import named as new_agent
from masterlinc.authoring.scaffold import rendered
from masterlinc.conformance.subject import Allowed, allowances
from masterlinc.events.subscriptions import event_name
from masterlinc.identity import identifier_is_valid
from masterlinc.money import Money, Quantity
from masterlinc.registry import assemble, discover
from masterlinc.secrets import Secret
from masterlinc.settings import EXCEPTIONS, Settings, load
from masterlinc.testing import MASTER_KEY
from nphieslinc.envelope import EVENTS, open_envelope
from nphieslinc.fhir import parse
from nphieslinc.reading import read_submission
from nphieslinc.rules import BUSINESS_RULES, check
from policylinc.contract import BenefitTerm, CoverStatus, Price, Terms

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    ]
)
EXAMPLES = sorted((ROOT / "docs/examples").glob("*.json"))
AGENTS = [agent for agent in discover()[0] if (ROOT / "plugins" / agent.name).is_dir()]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def named(text: str) -> set[str]:
    """What a page writes as code."""
    return set(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# Settings ----------------------------------------------------------------------------------------


def written(value: Any) -> str:
    """A value as TOML writes it."""
    return '""' if isinstance(value, Secret) else msgspec.json.encode(value).decode()


def settings_of(type_: type[Struct], prefix: str, path: str = "") -> Iterator[str]:
    """The rows of a page for the settings of a Struct, as far as the code knows them."""
    for field in msgspec.structs.fields(type_):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from settings_of(field.type, f"{prefix}__{field.name.upper()}", f"{path}{field.name}.")
            continue
        default = field.default if field.default is not NODEFAULT else field.default_factory()  # type: ignore[operator]
        yield f"| `{path}{field.name}` | `{written(default)}` | `{prefix}__{field.name.upper()}` |"


def test_every_setting_has_its_row_with_default_and_environment():
    rows = [
        row
        for section in msgspec.structs.fields(Settings)
        if section.name != "agents"
        for row in settings_of(section.type, f"MASTERLINC_{section.name.upper()}")
    ]
    rows += [
        row
        for agent in AGENTS
        if agent.config is not None
        for row in settings_of(agent.config, f"MASTERLINC_{agent.name.upper()}")
    ]
    text = page("docs/configuration.md")
    assert [row for row in rows if row not in text] == []
    assert len(re.findall(r"^\| `[\w.]+` \| `.*` \| `MASTERLINC_", text, re.MULTILINE)) == len(rows)
    assert named(text) >= EXCEPTIONS


def test_every_file_of_the_configuration_is_named():
    files = {path.name for path in (ROOT / "config").glob("*.toml")} - {"testing.toml"}
    assert files <= named(page("docs/configuration.md")) | {
        one.rpartition("/")[2] for one in named(page("docs/configuration.md"))
    }


# Routes and rights -------------------------------------------------------------------------------


def routes_of(app: Litestar) -> Iterator[tuple[str, str]]:
    """Every route of ours, with its permission; `public` where it asks for none."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if not handler.fn.__module__.startswith("litestar."):
                path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
                for method in handler.http_methods - {"OPTIONS", "HEAD"}:
                    yield f"{method} {path}", handler.opt.get("permission") or "public"


def whole_app() -> Litestar:
    settings = load("testing", environment={})
    settings.security.master_key, settings.tools.enabled = Secret(MASTER_KEY), True
    return create_app(settings, assemble(settings, *discover()))


async def test_every_route_is_documented_with_its_permission():
    routes = dict(routes_of(whole_app()))
    rows = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)` \| ([^|]+) \|", page("docs/api.md"), re.MULTILINE)
    told = {route: re.findall(r"[a-z_]+:[a-z_]+", right) or ["public"] for route, right in rows}
    assert told == {route: [right] for route, right in routes.items()}


async def test_the_routes_that_take_an_idempotency_key_say_so_on_the_page_and_in_openapi():
    """A route that calls `idempotent` has `operation_class=Keyed`."""
    app = whole_app()
    taken = {
        f"POST {re.sub(r':[a-z]+}', '}', route.path)}"
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if re.search(r"\bidempotent(_call)?\(", inspect.getsource(handler.fn))
    }
    told = {
        f"{method.upper()} {path}"
        for path, item in app.openapi_schema.to_schema()["paths"].items()
        for method, operation in item.items()
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
    }
    rows = re.findall(r"^\| `([A-Z]+ [^`]+)` \|.*`Idempotency-Key` honoured", page("docs/api.md"), re.MULTILINE)
    assert sorted(rows) == sorted(taken) == sorted(told)


async def test_openapi_asks_for_a_token_and_for_a_body_where_the_route_does():
    """What a route reads of a body itself, it describes itself."""
    app = whole_app()
    document = app.openapi_schema.to_schema()
    operations = {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    unasked = {one for one, operation in operations.items() if {} in operation.get("security", document["security"])}
    assert unasked == {route for route, right in routes_of(app) if right == "public" and route in operations}
    reading = {
        f"POST {re.sub(r':[a-z]+}', '}', route.path)}"
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if "request.body()" in inspect.getsource(handler.fn)
    }
    assert [one for one in sorted(reading & set(operations)) if "requestBody" not in operations[one]] == []
    assert set(operations["POST /api/v1/auth/token"]["requestBody"]["content"]) == {"application/x-www-form-urlencoded"}
    assert set(operations["POST /api/v1/auth/token"]["responses"]["401"]["content"]) == {"application/json"}


def test_every_permission_and_role_is_documented():
    text = page("docs/api.md")
    permissions = {one.name: one.title for one in declared_permissions(AGENTS)}
    rows = dict(re.findall(r"^\| `(\w+:\w+)` \| (.*) \|$", text, re.MULTILINE))
    assert {name: title.lower() for name, title in permissions.items()} == {
        name: title.lower() for name, title in rows.items()
    }
    roles = tomllib.loads(page("config/rbac.toml"))["roles"]
    assert set(roles) <= named(text)


# Agents ------------------------------------------------------------------------------------------


def test_every_agent_is_documented_with_what_it_needs():
    rows = dict(re.findall(r"^\| `(\w+linc)` \| [^|]+ \| ([^|]*) ?\|$", page("README.md"), re.MULTILINE))
    assert {name: tuple(needs.replace(",", " ").split()) for name, needs in rows.items()} == {
        agent.name: agent.requires for agent in AGENTS
    }


def test_every_event_task_and_workflow_is_documented():
    told = named(page("docs/agents.md"))
    events = {event_name(event) for agent in AGENTS for event in agent.publishes}
    tasks = {f"{agent.name}.{task.label}" for agent in AGENTS for task in agent.tasks}
    workflows = {f"{agent.name}.{one.name}" for agent in AGENTS for one in agent.workflows}
    known = {one for one in told if re.fullmatch(rf"({'|'.join(a.name for a in AGENTS)})\.\w+(\.v\d+)?", one)}
    assert known == events | tasks | workflows


def test_the_tasks_that_are_offered_stand_in_the_table_with_their_permission():
    rows = dict(re.findall(r"^\| `(\w+linc)` \| (.*) \|$", page("docs/agents.md"), re.MULTILINE))
    for agent in AGENTS:
        found: dict[str, str] = {}
        for names, right in re.findall(r"((?:`[\w.]+`(?:, )?)+) \(`(\w+:\w+)`\)", rows[agent.name]):
            found |= dict.fromkeys(re.findall(r"`([\w.]+)`", names), right)
        assert found == {f"{agent.name}.{task.label}": task.permission for task in agent.tasks if task.permission}


@pytest.mark.parametrize("part", [Agent, Task, Subscription, Workflow, Step, Schedule, Permission, SealedColumn])
def test_every_field_of_an_agent_and_of_its_parts_is_documented(part):
    fields = getattr(part, "__dataclass_fields__", None) or part.__struct_fields__
    assert set(fields) <= named(page("docs/agents.md"))


def test_every_exception_that_a_project_may_claim_is_documented():
    assert set(Allowed.__struct_fields__) <= named(page("docs/agents.md")) | {"golden", "settings"}
    (block,) = [text for language, text in FENCE.findall(page("docs/agents.md")) if language == "toml"]
    assert allowances(tomllib.loads(block), "waitlinc").__struct_fields__ == Allowed.__struct_fields__
    assert [name for name in Allowed.__struct_fields__ if f"\n{name} = " not in block] == []


def test_the_folder_on_the_page_is_the_one_that_is_written():
    text = page("docs/agents.md").partition("```text\nwaitlinc/\n")[2].partition("```")[0]
    told = {name.rstrip("/") for name in re.findall(r"[a-z]+(?:\.py|\.toml|/)", text)}
    written = rendered(new_agent("waitlinc"))
    own = {part for path in written for part in path.parts[:2] if not part.startswith((".", "_", "README"))}
    assert {name for name in own if not name.startswith(("test_", "conftest", "events"))} == told


# Claims and their decisions ----------------------------------------------------------------------


def test_every_stage_is_documented():
    for name in ("docs/user-guide.md", "docs/pictures/claim.svg"):
        assert [one for one in ["submitted", *(step.name for step in CLAIM.steps)] if one not in page(name)] == []


def test_the_pages_of_the_rules_are_those_that_the_code_writes():
    """Bring them up to date with: masterlinc rules docs."""
    written = pages()
    assert {one.name for one in (ROOT / "docs/rules").iterdir()} == {*written}
    assert [name for name, text in written.items() if page(f"docs/rules/{name}") != text] == []


def test_the_rules_are_documented_in_their_order():
    rows = re.findall(r"^\| (\d+) \| \[`([a-z-]+)`\]", page("docs/rules/README.md"), re.MULTILINE)
    assert rows == [(str(place), rule.id) for place, rule in enumerate(RULES, start=1)]


def test_the_line_that_is_worked_out_by_hand_is_what_the_code_decides():
    amounts = {
        "allowed": "700.00",
        "deductible": "60.00",
        "copay": "75.00",
        "tax": "105.00",
        "payer_share": "575.00",
        "patient_share": "230.00",
    }
    decision = decide(by_hand(), Facts(terms_by_hand()))
    line = decision.lines[0]
    assert {name: str(getattr(line, name)) for name in amounts} == amounts
    assert (line.outcome.value, line.denial_code, str(line.billed)) == ("partial", "CV-1-8", "920.00")
    use = benefit_uses(decision)[0]
    assert (str(use.amount), str(use.deductible)) == ("500.00", "60.00")
    section = page("docs/adjudication.md").partition("## One line, by hand")[2].partition("\n## ")[0]
    said = "billed 920.00, allowed 700.00, deductible 60.00, co-pay 75.00, tax 105.00; payer 575.00, patient 230.00"
    assert said in section
    money = {rule.id for rule in MONEY_RULES}
    looked = [step.rule for step in line.trace if step.rule in money and step.case not in ("none", "no-limit")]
    assert re.findall(r"^\| `([a-z-]+)`", section, re.MULTILINE) == looked


def by_hand() -> ClaimSubmission:
    line = Line(
        sequence=1,
        codes=(Coding("services", "X"),),
        quantity=Quantity(2),
        unit_price=Money("400.00"),
        net=Money("920.00"),
        tax=Money("120.00"),
    )
    return ClaimSubmission(
        claim_type=ClaimType.ORAL,
        use=Use.CLAIM,
        identifier=Identifier("", "1"),
        created=date(2026, 11, 1),
        provider_license="N-F-00001",
        payer_license="N-I-00001",
        subject=Subject("Huda Majid Alotaibi"),
        cover=Cover(),
        lines=(line,),
        total=line.net,
    )


def terms_by_hand() -> Terms:
    dental = BenefitTerm(
        benefit="dental",
        rule_id="dental@1",
        covered=True,
        copay_percent=Decimal(20),
        copay_cap=Money("75.00"),
        limit=Money("2000.00"),
        used=Money("1500.00"),
    )
    return Terms(
        payer_organization_id=UUID(int=1),
        member_id=UUID(int=2),
        policy_id=UUID(int=3),
        policy_number="P",
        policy_class="C",
        product="STANDARD",
        status=CoverStatus.ACTIVE,
        effective_date=date(2026, 1, 1),
        expiry_date=date(2026, 12, 31),
        annual_limit=Money("500000.00"),
        annual_used=Money("0.00"),
        deductible=Money("100.00"),
        deductible_used=Money("40.00"),
        benefits=(dental,),
        prices=(Price("services", "X", Money("350.00")),),
        percent_of_billed=Decimal(100),
        contract="C-1",
        version="1",
        vat_percent=Decimal(15),
    )


# NPHIES ------------------------------------------------------------------------------------------


def test_every_rule_of_the_exchange_is_documented_once():
    rows = re.findall(r"^\| `([A-Z]{2}-\d+)` \|", page("docs/nphies.md"), re.MULTILINE)
    assert rows == [rule.id for rule in BUSINESS_RULES]


def test_an_event_that_is_taken_is_one_of_the_exchange():
    assert {"claim-request", "priorauth-request"} <= named(page("docs/nphies.md")) & EVENTS


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_breaks_no_rule_and_names_people_with_valid_numbers(path):
    envelope = open_envelope(parse(path.read_bytes()))
    submission = read_submission(envelope)
    assert check(envelope) == ()
    assert path.stem.endswith(submission.claim_type.value)
    assert path.stem.startswith("claim" if submission.use is Use.CLAIM else submission.use.value)
    people = [submission.subject, *([submission.cover.subscriber] if submission.cover.subscriber else [])]
    assert all(identifier_is_valid(one.system, one.value) for person in people for one in person.identifiers)
    assert f"`{path.name}`" in page("docs/nphies.md")


def test_there_is_an_example_of_every_type_and_a_preauthorization():
    assert {path.stem for path in EXAMPLES} >= {f"claim-{one.value}" for one in ClaimType}
    assert any(path.stem.startswith("preauthorization") for path in EXAMPLES)


# Pages as such -----------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """What a page can be pointed into by, as its headings are turned into anchors."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    dead = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        file, _, anchor = unquote(target).partition("#")
        there = (path.parent / file).resolve() if file else path
        ends_well = there.exists() and there.is_relative_to(ROOT)
        if not ends_well or (anchor and anchor not in anchors(there.read_text(encoding="utf-8"))):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_blocks_are_what_they_say(path):
    for language, block in FENCE.findall(path.read_text(encoding="utf-8")):
        if language in {"bash", "sh"}:
            found = subprocess.run(["bash", "-n"], input=block.encode(), capture_output=True, check=False)
            assert found.stderr == b"", block
        elif language == "json":
            assert msgspec.json.decode(block) is not None
        elif language == "toml":
            assert tomllib.loads(block) is not None
        elif language == "python":
            assert compile(block, name_of(path), "exec") is not None


def test_every_page_is_reached_from_the_readme():
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        at = todo.pop()
        if at not in reached:
            reached.add(at)
            found = re.findall(r"\]\(([^)#\s]+\.md)", at.read_text(encoding="utf-8"))
            todo += [(at.parent / one).resolve() for one in found]
    own = [path for path in PAGES if "adr" not in path.parts and path.name != "benchmarks.md"]
    assert [name_of(path) for path in own if path not in reached] == []


def test_pictures_are_drawn_with_text_and_are_shown_with_words():
    shown = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    for path in (ROOT / "docs/pictures").iterdir():
        root = ET.fromstring(path.read_text(encoding="utf-8"))
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert {"title", "desc", "text"} <= names
        assert names.isdisjoint({"image", "script", "foreignObject", "a"})
        assert re.search(rf"!\[[^\]]+\]\([^)]*pictures/{path.name}\)", shown), path.name
