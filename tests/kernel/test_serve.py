"""`masterlinc serve` where it cannot start: one line, and an exit code."""

import asyncio
import base64
import os
import random
import socket
import sys
from pathlib import Path

import pytest

from masterlinc.testing import MASTER_KEY, DatabaseUrls, NewDatabase, RunApp

NOWHERE = "postgresql://app@/nothing?host=/nonexistent"

PRODUCTION = {
    "PROFILE": "production",
    "HTTP__PUBLIC_URL": "https://api.hospital.example",
    "DATABASE__URL": NOWHERE,
    "SECURITY__MASTER_KEY": base64.b64encode(random.Random(1447).randbytes(32)).decode(),
}
CANARY = "canary-4713-of-an-address"


async def serve(**environment: str) -> tuple[int | None, list[str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
    settings = {"SECURITY__MASTER_KEY": MASTER_KEY, "HTTP__PORT": str(free_port())}
    settings |= {"NPHIESLINC__HUB": "simulator"} | environment
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "masterlinc.cli", "serve"),
        env=clean | {f"MASTERLINC_{name}": value for name, value in settings.items()},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert out == b""
    return process.returncode, err.decode().splitlines()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DATABASE__URL": NOWHERE}, "PostgreSQL does not answer"),
        ({"DATABASE__URL": "no address at all"}, "PostgreSQL does not answer"),
        ({"DATABASE__URL": NOWHERE, "SECURITY__MASTER_KEY": ""}, "security.master_key is not set"),
        ({"DATABASE__URL": NOWHERE, "SECURITY__MASTER_KEY": "short"}, "security.master_key"),
        ({"DATABASE__URL": NOWHERE, "NOBODYLINC__ENABLED": "true"}, "nobodylinc"),
        ({"DATABASE__URL": NOWHERE, "POLICYLINC__ENABLED": "false"}, "policylinc"),
        ({"DATABASE__URL": NOWHERE, "NPHIESLINC__HUB": ""}, "hub is not set"),
        ({"HTTP__PORTT": "1"}, "portt"),
        ({"DATABASE__URL": "file:/nowhere"}, "database.url: /nowhere cannot be read"),
        ({"DATABASE__URL": f"file:{__file__}"}, "can be read by others"),
        ({"DATABASE__URL": "vault:kv/masterlinc#url"}, "database.url: vault.address is not set"),
        ({**PRODUCTION, "SECURITY__MASTER_KEY": MASTER_KEY}, "security.master_key: it is text"),
        ({**PRODUCTION, "DATABASE__URL": "postgresql://app:changeme@db/x"}, "a password that everybody knows"),
        ({**PRODUCTION, "HTTP__DOCS": "true"}, "http.docs is true"),
        ({**PRODUCTION, "HTTP__CORS_ORIGINS": '["*"]'}, "cors_origins"),
    ],
)
async def test_a_fault_of_the_set_up_is_one_line(environment, words):
    code, lines = await serve(**environment)
    assert (code, len(lines)) == (1, 1), lines
    assert words in lines[0]


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{CANARY}@[half/x",
        f"postgresql://app:{CANARY}@host:port/x",
        f"postgresql://app:{CANARY}/@host/x",
        f"postgres//app:{CANARY}@host/x",
        f"host=nowhere password={CANARY}",
        f"postgresql://app:{CANARY}@/x?host=/nonexistent",
        f"postgresql://app:{CANARY}@/x?host=/nonexistent&sslmode={CANARY}",
        f"vault:{CANARY}",
    ],
)
async def test_a_wrong_address_is_told_without_the_password_in_it(url: str):
    code, lines = await serve(DATABASE__URL=url)
    assert (code, len(lines)) == (1, 1), lines
    assert CANARY not in lines[0]


async def test_a_database_without_tables_is_one_line(postgres, empty):
    code, lines = await serve(DATABASE__URL=empty.app)
    assert (code, len(lines)) == (1, 1), lines
    assert "run: masterlinc migrate" in lines[0]


async def test_a_role_that_bypasses_row_level_security_is_refused(postgres, new_database: NewDatabase):
    name = (await new_database()).app.rpartition("/")[2].partition("?")[0]
    code, lines = await serve(DATABASE__URL=postgres.dsn("superuser", name))
    assert (code, len(lines)) == (1, 1), lines
    assert "bypasses row-level security" in lines[0]


async def test_a_port_in_use_is_one_line(new_database: NewDatabase):
    urls: DatabaseUrls = await new_database()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, lines = await serve(DATABASE__URL=urls.app, HTTP__PORT=str(taken.getsockname()[1]))
    assert (code, len(lines)) == (1, 1), lines
    assert "is in use" in lines[0]


async def test_a_master_key_of_another_system_is_one_line(new_database: NewDatabase, run_app: RunApp):
    urls = await new_database()
    await run_app(urls)
    other = base64.b64encode(b"another key, of thirty-two bytes").decode()
    code, lines = await serve(DATABASE__URL=urls.app, SECURITY__MASTER_KEY=other)
    assert (code, len(lines)) == (1, 1), lines
    assert "security.master_key" in lines[0]


async def test_a_role_with_a_right_that_nobody_declares_is_one_line(new_database: NewDatabase, tmp_path: Path):
    roles = tmp_path / "rbac.toml"
    roles.write_text('[roles.x]\ntitle = "X"\ntitle_ar = "X"\ngrants = ["nobody:knows"]\n', encoding="utf-8")
    code, lines = await serve(DATABASE__URL=(await new_database()).app, SECURITY__RBAC=str(roles))
    assert (code, len(lines)) == (1, 1), lines
    assert "nobody:knows" in lines[0]
