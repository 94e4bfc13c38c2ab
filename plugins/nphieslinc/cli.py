"""`masterlinc submit FILE`: send a message to a running system, watch its stages, read the answer."""

import argparse
import getpass
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from masterlinc import demo

if TYPE_CHECKING:
    import httpx
    from rich.console import Console
    from rich.table import Table

_URL = "http://127.0.0.1:8000"
_EMAIL = "billing@demo.masterlinc.test"
_WAITS = (0.1, 0.1, 0.2, 0.3, 0.5)  # then a second each
_OPEN = frozenset({"pending", "processing"})
_MARKS = {"completed": "✓", "processing": "…", "pending": "·", "failed": "✗", "parked": "✗", "waiting": "…"}


_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class _Refused(Exception):
    """What the command ends with, in one line."""


def add(commands: Any) -> None:
    """Add the command to `masterlinc`."""
    parser = commands.add_parser("submit", help="submit a NPHIES message bundle and show how it is decided")
    parser.add_argument("file", type=Path, help="a claim-request or priorauth-request bundle (JSON)")
    parser.add_argument(
        "--url", default=os.environ.get("MASTERLINC_URL", _URL), help="where it runs (default: %(default)s)"
    )
    parser.add_argument("--email", default=_EMAIL, help="who submits (default: %(default)s)")
    parser.add_argument(
        "--password", help="default: $MASTERLINC_DEMO_PASSWORD, else the demo's own from --data, else it is asked for"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(".data"), help="the data folder of `masterlinc up` (default: %(default)s)"
    )
    parser.add_argument(
        "--wait", type=float, default=120.0, help="seconds to wait for the answer (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Submit a file; 0 when it was adjudicated, 1 when anything refused it, 2 when the payer decides later."""
    import httpx
    from rich.console import Console

    console = Console(highlight=False)
    try:
        data = _read(options.file)
        with httpx.Client(base_url=options.url, timeout=30.0, trust_env=False) as client:
            _sign_in(client, options.email, options.password or _known_password(options.data))
            return _submit(client, console, data, options.wait)
    except _Refused as fault:
        print(f"masterlinc submit: {fault}", file=sys.stderr)
    except httpx.ConnectError:
        print(f"masterlinc submit: nothing answers at {options.url}; start it with: masterlinc up", file=sys.stderr)
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        print(f"masterlinc submit: {options.url}: {str(fault) or type(fault).__name__}", file=sys.stderr)
    return 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise _Refused(f"{path}: {fault.strerror}") from None


def _sign_in(client: "httpx.Client", email: str, password: str | None) -> None:
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": password or _ask(email)})
    client.headers["authorization"] = f"Bearer {_json(answer)['access_token']}"


def _known_password(data: Path) -> str | None:
    """Return the demo users' password: the chosen one, or the one that `masterlinc up` made on this machine."""
    chosen = os.environ.get("MASTERLINC_DEMO_PASSWORD")
    return chosen or demo.password_of(data)


def _ask(email: str) -> str:
    if not sys.stdin.isatty():
        raise _Refused("no password: pass --password or set MASTERLINC_DEMO_PASSWORD")
    return getpass.getpass(f"Password of {email}: ")


def _submit(client: "httpx.Client", console: "Console", data: bytes, wait: float) -> int:
    headers = {"content-type": "application/fhir+json"}
    taken = _json(client.post("/api/v1/nphies/messages", content=data, headers=headers))
    claim = taken["claims"][0]
    again = "  (sent before)" if claim["duplicate"] else ""
    console.print(f"{taken['event']}  [bold]{claim['claim_id']}[/bold]  {taken['message_id']}{again}", soft_wrap=True)
    _tell_warnings(console, taken["warnings"])
    status = _watch(client, console, claim["claim_id"], wait)
    if not console.is_terminal:
        console.print()  # a live display that is no terminal ends in the middle of a line
    return _tell(client, console, claim["claim_id"], status)


def _tell_warnings(console: "Console", warnings: list[dict[str, str]]) -> None:
    from rich.markup import escape

    for one in warnings:
        text = f"{one['rule']}  {one['path']}  {one['detail']} / {one['detail_ar']}"
        console.print(f"[yellow]warning[/yellow]  {escape(text)}", soft_wrap=True)


def _watch(client: "httpx.Client", console: "Console", claim_id: str, wait: float) -> str:
    """Show the stages until the claim is decided; returns its status."""
    from rich.live import Live

    until = time.monotonic() + wait
    with Live(console=console, refresh_per_second=10) as live:
        for pause in _pauses():
            claim = _json(client.get(f"/api/v1/claims/{claim_id}"))
            live.update(_stages(claim["workflow_steps"]))
            if claim["status"] not in _OPEN:
                return str(claim["status"])
            if any(step["status"] in {"failed", "parked"} for step in claim["workflow_steps"]):
                return "stuck"
            if time.monotonic() > until:
                raise _Refused(f"{claim_id} is not decided after {wait:g} seconds; see GET /api/v1/claims/{claim_id}")
            time.sleep(pause)
    return "pending"


def _pauses() -> Iterator[float]:
    yield from _WAITS
    while True:
        yield 1.0


def _stages(steps: list[dict[str, Any]]) -> "Table":
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for step in steps:
        mark = _MARKS.get(step["status"], "·")
        table.add_row(mark, step["step"], step["status"], _time(step.get("timestamp")))
    return table


def _time(text: str | None) -> str:
    """Show the time of day where the command runs."""
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S.%f")[:-3] if text else ""


def _tell(client: "httpx.Client", console: "Console", claim_id: str, status: str) -> int:
    if status == "stuck":
        raise _Refused(f"{claim_id} stopped on its way; see GET /api/v1/claims/{claim_id}")
    answer = client.get(f"/api/v1/claims/{claim_id}/adjudication")
    decided = _json(answer)
    lines = decided.get("lines") or []
    if lines:
        console.print(_table(lines, decided.get("totals") or {}))
        _tell_reasons(console, lines)
    _tell_errors(console, decided.get("errors") or [])
    for name in ("disposition", "disposition_ar"):
        if decided.get(name):
            console.print(decided[name], markup=False, soft_wrap=True)
    if decided.get("preauth_ref"):
        console.print(f"authorization {decided['preauth_ref']}", markup=False)
    colour = {"approved": "green", "partial": "yellow"}.get(status, "red")
    console.print(f"[bold {colour}]{status}[/bold {colour}]")
    if status == "pended":
        return 2
    return 0 if lines and status != "error" else 1


def _tell_errors(console: "Console", errors: list[dict[str, Any]]) -> None:
    for one in errors:
        words = [str(one[name]) for name in ("code", "path", "detail", "detail_ar") if one.get(name)]
        console.print("error  " + "  ".join(words), markup=False, style="red", soft_wrap=True)


def _table(lines: list[dict[str, Any]], totals: dict[str, Any]) -> "Table":
    from rich.table import Table

    table = Table(show_footer=bool(totals))
    amounts = ("billed", "allowed", "payer_share", "patient_share")
    table.add_column("#", footer="")
    for name in amounts:
        title = {"payer_share": "payer", "patient_share": "patient"}.get(name, name)
        table.add_column(title, justify="right", footer=_amount(totals.get(name)))
    table.add_column("outcome")
    table.add_column("denial")
    for line in lines:
        row = [str(line["sequence"]), *(_amount(line.get(name)) for name in amounts)]
        table.add_row(*row, str(line.get("outcome") or ""), str(line.get("denial_code") or ""))
    return table


def _tell_reasons(console: "Console", lines: list[dict[str, Any]]) -> None:
    """Say why, line by line, in both languages; below the table, where Arabic has room."""
    for line in lines:
        for name in ("reason", "reason_ar"):
            if line.get(name):
                console.print(f"{line['sequence']:>3}  {line[name]}", markup=False, soft_wrap=True)


def _amount(value: Any) -> str:
    return "" if value is None else f"{Decimal(str(value)):,.2f}"


def _json(answer: "httpx.Response") -> dict[str, Any]:
    """Return an answer's object; a refusal becomes one line with its rule and path."""
    try:
        body = _DECODER.decode(answer.content)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        raise _Refused(f"{answer.request.url}: HTTP {answer.status_code} without an answer that can be read")
    if answer.is_success:
        return body
    first = next(iter(body.get("errors") or []), None)
    where = f" [{first.get('code')} at {first.get('path')}]" if isinstance(first, dict) else ""
    raise _Refused(f"{body.get('detail', answer.reason_phrase)}{where} / {body.get('detail_ar', '')}")
