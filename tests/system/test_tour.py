"""The README's tour: its blocks are pasted into a shell, beside a system that the first block would start."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
READY_SECONDS = 240
TOUR_SECONDS = 120
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def tour() -> list[str]:
    """The blocks of the tour; the first one starts the system."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Five-minute tour\n")[2].partition("\n## ")[0]
    return BLOCK.findall(section)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def system() -> Iterator[dict[str, str]]:
    """What the first block starts, on a port of its own and with few claims; yields the shell's environment."""
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("the tour needs curl and bash")
    folder, port = Path(tempfile.mkdtemp(prefix="tour-")), free_port()
    folder.chmod(0o711)  # where we are root, the database server's account passes through
    given = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
    environment = given | {
        "MASTERLINC_URL": f"http://127.0.0.1:{port}",
        "MASTERLINC_DEMO_PASSWORD": chosen_password(),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
    }
    command = [str(BIN / "masterlinc"), "up", "--port", str(port), "--data", str(folder / "data")]
    few = environment | {"MASTERLINC_DEMO__CLAIMS": "10"}
    process = subprocess.Popen(command, env=few, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    limit = threading.Timer(READY_SECONDS, process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        told = until_up(process.stdout)
        limit.cancel()
        assert "MASTERLINC is up" in told[-1], "".join(told)
        yield environment
    finally:
        limit.cancel()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        shutil.rmtree(folder)
    assert process.returncode == 0


def until_up(output: IO[bytes]) -> list[str]:
    """What is told until the system answers, or until it ends."""
    told = []
    for line in output:
        told.append(line.decode())
        if "MASTERLINC is up" in told[-1]:
            break
    return told


def chosen_password() -> str:
    return re.findall(r"MASTERLINC_DEMO_PASSWORD=(\S+)", tour()[0])[0]


@pytest.fixture(scope="module")
def said(system: dict[str, str]) -> list[str]:
    """What each block after the first one prints."""
    mark = f"---{secrets.token_hex(8)}---"
    script = f"\necho {mark}\n".join(tour()[1:]).replace(".venv/bin/", f"{BIN}/")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=system,
        cwd=ROOT,
        capture_output=True,
        timeout=TOUR_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    assert done.stderr == b""
    return done.stdout.decode().split(mark)


# What a block prints that shows that it worked, by a word of the block.
SHOWN = {
    "$URL/health": ['"status":"healthy"', '"claimlinc":"healthy"'],
    "TOKEN=": ['"email":"admin@demo.masterlinc.test"', '"organization_id":"ORG-'],
    "masterlinc validate": [
        "No rule is broken (FHIR R4 schema, NPHIES profile, Business rules).",
        "لا توجد مخالفات",
    ],
    "masterlinc submit": ["adjudicated        completed", "BE-1-3", "SAR 180.00 is allowed of SAR 250.00", "385.25"],
    "/adjudication": ['"step":"adjudicated","status":"completed"', '"rule": "contract-price"', '"text_ar": "'],
    "نوره": ["Noura Omar Alharbi", "نورة عمر الحربي", '"patient_id":"PAT-'],
    "policies/validate": ['"is_valid":true', '"payer_share":', '"policy_number":"P101-B"', '"remaining_amount":'],
    "FLAT=": ["HTTP 201", "HTTP 200", '"estimated_processing_time":5'],
    "SUNDAY=": ['"status":"scheduled"', "HTTP 200", "practitioner-busy", "HTTP 409"],
    "/execute": ['"agent_id":"nphieslinc"', '"status":"completed"', '"valid":true'],
    "٢٥٠": ['"path":"amount"', '"path":"service_code"', '"path":"service_date"', "لا يمكن قبول المطالبة"],
    "auth/logout": ["You are signed out", '"status":401'],
}


def test_every_block_is_looked_at():
    words = [[word for word in SHOWN if word in block] for block in tour()[1:]]
    assert [len(found) >= 1 for found in words] == [True] * len(tour()[1:])
    assert {word for found in words for word in found} == set(SHOWN)


@pytest.mark.parametrize("word", SHOWN)
def test_a_block_does_what_the_page_says(said, word):
    printed = "".join(part for block, part in zip(tour()[1:], said, strict=True) if word in block)
    assert [one for one in SHOWN[word] if one not in printed] == [], printed


def test_the_figures_on_the_page_are_those_that_are_printed(said):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^│ .*│$", text, re.MULTILINE)
    printed = next(part for block, part in zip(tour()[1:], said, strict=True) if "masterlinc submit" in block)
    assert len(table) == 3
    assert [row for row in table if row not in printed] == []
