"""Tools are off by default; what is wrong with them is told at the start, in one line."""

import subprocess
import sys

import pytest
from tool_probe import PROBE, PROBES, Pay, pay

from masterlinc import cli, tools
from masterlinc.agent import Agent, StepDone, StepInput, Task
from masterlinc.app import create_app
from masterlinc.errors import StartupError
from masterlinc.registry import assemble, discover
from masterlinc.secrets import Secret
from masterlinc.secrets_file import random_key
from masterlinc.settings import Settings, build, load
from masterlinc.testing import MASTER_KEY, bearer, client_of
from masterlinc.tools.catalogue import catalogue

PATHS = [("POST", "/mcp"), ("GET", "/.well-known/agent-card.json"), ("GET", "/api/v1/agents/claimlinc/card")]


def settings(**changes) -> Settings:
    made = load("testing", environment={})
    made.security.master_key = Secret(MASTER_KEY)
    for name, value in changes.items():
        setattr(made.tools, name, value)
    return made


def registry_of(*tasks, name="badlinc"):
    agent = Agent(name=name, title="Bad", title_ar="خطأ", version="1", kernel=">=0.1,<1", tasks=tasks)
    return assemble(Settings(), [agent])


def test_tools_are_off_unless_somebody_turns_them_on():
    assert Settings().tools.enabled is False
    for profile in ("testing", "demo", "production"):
        assert load(profile, environment={}).tools.enabled is False
    assert load("testing", environment={"MASTERLINC_TOOLS__ENABLED": "true"}).tools.enabled is True


async def test_where_tools_are_off_there_is_no_route(run_app, make_principal):
    off = await run_app()
    async with client_of(off) as client:
        for method, path in PATHS:
            answer = await client.request(method, path, headers=bearer(off, make_principal("admin")))
            assert answer.status_code == 404
            assert answer.json()["code"] == "not-found"
        assert "mcp" not in (await client.get("/api/v1/openapi.json")).text.lower()


def test_where_tools_are_off_the_sdk_is_not_loaded():
    code = (
        "import sys\nfrom masterlinc import app, asgi, cli\nfrom masterlinc.registry import assemble, discover\n"
        "from masterlinc.secrets import Secret\nfrom masterlinc.settings import load\n"
        "from masterlinc.testing import MASTER_KEY\n"
        "made = load('testing', environment={})\nmade.security.master_key = Secret(MASTER_KEY)\n"
        "app.create_app(made, assemble(made, *discover()))\n"
        "print(sorted({'mcp', 'mcp_types', 'httpx2', 'sse_starlette'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_without_the_sdk_the_start_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(StartupError, match=r"make tools, or pip install 'masterlinc\[tools\]'"):
        tools.mounted(settings(enabled=True), registry_of())


def test_production_names_its_address():
    made = settings(enabled=True)
    made.http.production, made.http.public_url, made.http.docs = True, "https://masterlinc.example", False
    made.security.master_key = Secret(random_key())
    for url in ("", "http://masterlinc.example"):
        made.tools.url = url
        with pytest.raises(StartupError, match=r"tools\.url"):
            create_app(made, assemble(made, *discover()))
    made.tools.url = "https://masterlinc.example"
    assert create_app(made, assemble(made, *discover()))


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("", True),
        ("https://masterlinc.example", True),
        ("http://10.0.0.7:8000/base", True),
        ("http://[::1]:8000", True),
        ("https://masterlinc.example/", False),
        ("https://user@masterlinc.example", False),
        ("https://masterlinc.example?x=1", False),
        ("ftp://masterlinc.example", False),
        ("javascript:alert(1)", False),
        ("https://masterlinc.example\n", False),
    ],
)
def test_an_address_is_an_address(url, fits):
    if fits:
        assert build({"tools": {"url": url}}).tools.url == url
    else:
        with pytest.raises(StartupError):
            build({"tools": {"url": url}})


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Task(Pay, Pay, pay, "Pay", "ادفع", tool=True), "asks for no permission"),
        (Task(StepInput, StepDone, pay, "Go", "سر", permission="a:b", name="go", tool=True), "is a step of a workflow"),
        (
            Task(Pay, Pay, pay, "Pay", "ادفع", permission="a:b", name="x" * 60, tool=True),
            "no name that AI clients take",
        ),
        (
            Task(Pay, Pay, pay, "Pay", "ادفع", permission="a:b", name="Pay me", tool=True),
            "no name that AI clients take",
        ),
    ],
)
def test_what_cannot_be_a_tool_stops_the_start(task, words):
    with pytest.raises(StartupError, match=words):
        catalogue(registry_of(task))


def test_two_tools_of_one_name_stop_the_start():
    def agent(name, label):
        task = Task(Pay, Pay, pay, "Pay", "ادفع", permission="a:b", name=label, tool=True)
        return Agent(name=name, title="X", title_ar="س", version="1", kernel=">=0.1,<1", tasks=(task,))

    registry = assemble(Settings(), [agent("a_b", "c"), agent("a", "b_c")])
    with pytest.raises(StartupError, match=r"is the tool a_b_c, and so is"):
        catalogue(registry)


def test_no_shipped_tool_writes_signs_or_runs_a_step():
    writing = ("record", "map", "sign", "enrol", "post", "reverse", "submit", "decide", "load_terms", "find_patient")
    for agent in discover()[0]:
        for task in agent.tasks:
            if task.tool:
                assert not task.label.startswith(writing), task.label
                assert task.permission
                assert task.joins_transaction or agent.name == "masterlinc"


def test_the_command_lists_every_tool(monkeypatch, capsys):
    monkeypatch.setenv("MASTERLINC_PROFILE", "testing")
    assert cli.main(["tools"]) == 0
    told = capsys.readouterr().out
    assert "policylinc_validate" in told
    assert "policy_number, patient_id, service_code, amount, [service_date]" in told
    assert "code:read" in told
    assert "Tools are off" in told
    monkeypatch.setenv("MASTERLINC_TOOLS__ENABLED", "true")
    assert cli.main(["tools"]) == 0
    assert "Tools are off" not in capsys.readouterr().out


def test_the_probe_is_an_agent_like_any_other():
    found = catalogue(assemble(Settings(), [PROBE])).tools
    assert set(found) - {"masterlinc_echo"} == PROBES | {"probelinc_peek"}
