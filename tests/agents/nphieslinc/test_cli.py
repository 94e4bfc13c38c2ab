"""`masterlinc submit`: what it shows, and its exit code."""

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from nphies_messages import FIXTURES

from masterlinc import demo, secrets_file
from nphieslinc import cli

FILE = FIXTURES / "claim-request_professional.json"
LINE = {
    "sequence": 1,
    "outcome": "partial",
    "billed": 207.0,
    "allowed": 180.0,
    "payer_share": 165.6,
    "patient_share": 41.4,
    "denial_code": "CV-1-8",
    "reason": "co-pay 20 percent",
    "reason_ar": "تحمل 20 بالمئة",
}
Answers = dict[str, tuple[int, Any]]


def answers(**changes: tuple[int, Any]) -> Answers:
    claim = {"claim_id": "CLM-1", "status": "pending", "duplicate": False}
    warning = {"rule": "BV-00798", "path": "Bundle.entry[2]", "detail": "iqama", "detail_ar": "إقامة"}
    taken = {"message_id": "MSG-1", "event": "claim-request", "claims": [claim], "warnings": [warning]}
    stages = [{"step": "submitted", "status": "completed", "timestamp": "2026-02-11T10:00:00Z"}]
    found: Answers = {
        "login": (200, {"access_token": "t"}),
        "messages": (201, taken),
        "CLM-1": (200, {"status": "partial", "workflow_steps": stages}),
        "adjudication": (200, {"lines": [LINE], "totals": LINE, "disposition": "Decided", "errors": []}),
    }
    return found | changes


def submit(monkeypatch: pytest.MonkeyPatch, given: Answers, columns: str = "160", **options: Any) -> int:
    def answer(request: httpx.Request) -> httpx.Response:
        status, body = given[request.url.path.rsplit("/", 1)[-1]]
        return httpx.Response(status, content=body) if isinstance(body, bytes) else httpx.Response(status, json=body)

    make: Callable[..., httpx.Client] = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **kinds: make(**kinds, transport=httpx.MockTransport(answer)))
    monkeypatch.setenv("COLUMNS", columns)
    wanted = {
        "file": FILE,
        "url": "http://here",
        "email": "a@b.test",
        "password": "x",
        "data": Path("nowhere"),
        "wait": 5.0,
    } | options
    return cli.run(argparse.Namespace(**wanted))


def test_an_adjudicated_claim_is_shown_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(monkeypatch, answers()) == 0
    shown = capsys.readouterr().out
    for words in (
        "CLM-1",
        "BV-00798",
        "إقامة",
        "submitted",
        "207.00",
        "165.60",
        "41.40",
        "CV-1-8",
        "تحمل 20 بالمئة",
        "partial",
    ):
        assert words in shown, words


def test_an_error_of_the_hub_is_exit_code_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = {"code": "1658", "path": "Bundle.entry[1]", "detail": "no member", "detail_ar": "لا يوجد عضو"}
    found = answers(
        **{"CLM-1": (200, {"status": "error", "workflow_steps": []})},
        adjudication=(200, {"lines": [], "totals": None, "errors": [fault]}),
    )
    assert submit(monkeypatch, found) == 1
    assert "1658" in capsys.readouterr().out


def test_lines_with_numbers_are_not_broken_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"code": "1658", "path": "Bundle.entry[1]", "detail": "no member has this number", "detail_ar": "لا عضو"}
    given = answers(adjudication=(200, {"lines": [], "errors": [error]}))
    assert submit(monkeypatch, given, columns="24") == 1
    shown = capsys.readouterr().out.splitlines()
    assert "claim-request  CLM-1  MSG-1" in shown
    assert "error  1658  Bundle.entry[1]  no member has this number  لا عضو" in shown


def test_a_pended_claim_is_exit_code_two(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answers(
        **{"CLM-1": (200, {"status": "pended", "workflow_steps": []})},
        adjudication=(200, {"lines": [], "totals": None}),
    )
    assert submit(monkeypatch, found) == 2


REFUSAL = {
    "detail": "Bundle.entry[1]: net is missing",
    "detail_ar": "مفقود",
    "errors": [{"code": "IC-00043", "path": "Bundle.entry[1]"}],
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"messages": (422, REFUSAL)}, "[IC-00043 at Bundle.entry[1]]"),
        ({"login": (401, {"detail": "Wrong password", "detail_ar": "كلمة المرور خاطئة"})}, "Wrong password"),
        ({"login": (502, b"<html>")}, "HTTP 502"),
        (
            {"CLM-1": (200, {"status": "pending", "workflow_steps": [{"step": "signing", "status": "failed"}]})},
            "stopped on its way",
        ),
        ({"CLM-1": (200, {"status": "pending", "workflow_steps": []})}, "not decided after"),
    ],
)
def test_a_refusal_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: Answers, words: str
) -> None:
    assert submit(monkeypatch, answers(**changes), wait=0.0) == 1
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_a_file_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(monkeypatch, answers(), file=Path("/nowhere.json")) == 1
    assert capsys.readouterr().err == "masterlinc submit: /nowhere.json: No such file or directory\n"


def test_a_system_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    options = argparse.Namespace(
        file=FILE, url="http://127.0.0.1:1", email="a@b.test", password="x", data=Path("nowhere"), wait=1.0
    )
    assert cli.run(options) == 1
    assert "masterlinc up" in capsys.readouterr().err


def test_the_command_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTERLINC_URL", raising=False)
    parser = argparse.ArgumentParser()
    cli.add(parser.add_subparsers())
    options = parser.parse_args(["submit", "claim.json", "--url", "http://there"])
    assert (options.file, options.url, options.run) == (Path("claim.json"), "http://there", cli.run)


def test_the_password_of_a_demo_on_this_machine_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MASTERLINC_DEMO_PASSWORD", raising=False)
    secrets_file.save(tmp_path, {"demo_password": "made-at-the-first-start"})
    assert submit(monkeypatch, answers(), password=None, data=tmp_path) == 0
    assert demo.password_of(tmp_path) == "made-at-the-first-start"


def test_without_a_password_the_refusal_says_how_to_give_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("MASTERLINC_DEMO_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert submit(monkeypatch, answers(), password=None, data=tmp_path) == 1
    assert "--password" in capsys.readouterr().err
