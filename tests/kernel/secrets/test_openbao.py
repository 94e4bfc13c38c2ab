"""Secrets in a vault: read, followed, and what happens where it refuses or is away."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme
from msgspec import Struct, field

from masterlinc.errors import StartupError
from masterlinc.secrets import Secret
from masterlinc.secrets.keeper import Keeper
from masterlinc.secrets.reading import read
from masterlinc.settings import VaultSettings, load

CANARY = "canary-4712-of-the-vault"


class Config(Struct, kw_only=True):
    password: Secret = field(default_factory=Secret)
    other: Secret = field(default_factory=Secret)


def kept(path: str, name: str = "password") -> Secret:
    return Secret(f"vault:secret/{path}#{name}")


def refused(settings: VaultSettings, secret: Secret) -> str:
    with pytest.raises(StartupError) as stop:
        read(Config(password=secret), settings, "agents.x")
    text = str(stop.value)
    assert text.startswith("configuration: agents.x.password: ")
    assert "\n" not in text
    assert CANARY not in text
    return text


def test_settings_are_read_from_the_vault_that_they_name(openbao):
    openbao.write("system/masterlinc", url="postgresql://app:pw@db/x", other="y")
    settings = load(
        environment={
            "MASTERLINC_DATABASE__URL": "vault:secret/system/masterlinc#url",
            "MASTERLINC_VAULT__ADDRESS": openbao.address,
            "MASTERLINC_VAULT__TOKEN": openbao.token,
        }
    )
    assert settings.database.url.reveal() == "postgresql://app:pw@db/x"
    assert repr(settings.database.url) == "Secret(vault:secret/system/masterlinc#url)"


def test_the_token_may_stand_in_a_file(openbao, tmp_path):
    openbao.write("file-token", password="p")
    (tmp_path / "token").write_text(f"{openbao.token}\n")
    (tmp_path / "token").chmod(0o600)
    environment = {"MASTERLINC_VAULT__ADDRESS": openbao.address, "MASTERLINC_VAULT__TOKEN": f"file:{tmp_path}/token"}
    settings = load(environment=environment | {"MASTERLINC_REDIS__URL": ""})
    config = Config(password=kept("file-token"))
    read(config, settings.vault)
    assert config.password.reveal() == "p"
    with pytest.raises(StartupError, match=r"vault\.token cannot be kept in the vault that it opens"):
        load(environment=environment | {"MASTERLINC_VAULT__TOKEN": "vault:secret/a#b"})


def test_what_is_not_there_stops_the_start_with_its_key(openbao):
    openbao.write("there", password=CANARY, number=7, empty="")
    settings = openbao.settings()
    assert "does not give secret/nowhere: InvalidPath" in refused(settings, kept("nowhere"))
    assert "secret/there has no text in passwort" in refused(settings, kept("there", "passwort"))
    assert "secret/there has no text in number" in refused(settings, kept("there", "number"))
    assert "secret/there has no text in empty" in refused(settings, kept("there", "empty"))
    openbao.client.secrets.kv.v2.delete_latest_version_of_secret(path="there", mount_point="secret")
    assert "InvalidPath" in refused(settings, kept("there"))


def test_a_wrong_token_is_not_shown(openbao):
    openbao.write("closed", password="p")
    assert "Forbidden (" in refused(openbao.settings(token=Secret(CANARY)), kept("closed"))
    assert "vault.address is not set" in refused(VaultSettings(), kept("closed"))


def test_a_vault_that_is_away_or_slow_has_a_deadline(openbao):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "ReadTimeout" in refused(openbao.settings(address=address, deadline_seconds=0.2), kept("a"))
    assert "ConnectionError" in refused(openbao.settings(address=address, deadline_seconds=0.2), kept("a"))


def test_without_the_extra_it_says_which(openbao, monkeypatch):
    monkeypatch.setitem(sys.modules, "hvac", None)
    assert "pip install masterlinc[vault]" in refused(openbao.settings(), kept("a"))


async def test_a_changed_secret_is_read_at_the_interval(openbao, monkeypatch):
    openbao.write("changing", password="first", other="stays")
    config = Config(password=kept("changing"), other=kept("changing", "other"))
    settings, told = openbao.settings(refresh_seconds=60), []
    read(config, settings)
    config.password.on_change(lambda: told.append(config.password.reveal()))
    config.other.on_change(lambda: told.append("other"))
    keeper = Keeper(settings, [("", config)])
    openbao.write("changing", password="second", other="stays")
    await keeper.look()
    assert told == []  # its time has not come
    keeper._vault_at = 0.0
    await keeper.look()
    assert told == ["second"]
    openbao.write("changing", password="third", other="stays")
    assert await keeper.renew(config.password)
    assert told == ["second", "third"]


async def test_a_vault_that_refuses_leaves_the_secret_as_it_was(openbao, caplog):
    openbao.write("revoked", password="first")
    openbao.client.sys.create_or_update_policy("reader", 'path "secret/data/*" { capabilities = ["read"] }')
    token = openbao.client.auth.token.create(policies=["reader"], ttl="1h")["auth"]["client_token"]
    config, settings = Config(password=kept("revoked")), openbao.settings(token=Secret(token))
    read(config, settings)
    keeper = Keeper(settings, [("agents.x", config)])
    assert not await keeper.renew(config.password)
    openbao.client.auth.token.revoke(token)
    openbao.write("revoked", password="second")
    for _ in range(2):
        keeper._vault_at = 0.0
        await keeper.look()
    assert config.password.reveal() == "first"
    assert caplog.text.count("agents.x.password") == 1
    assert token not in caplog.text


async def test_a_renewable_token_is_renewed_before_its_end(openbao):
    openbao.write("renewed", password="p")
    openbao.client.sys.create_or_update_policy("reader", 'path "secret/data/*" { capabilities = ["read"] }')
    token = openbao.client.auth.token.create(policies=["reader"], ttl="1h")["auth"]["client_token"]
    config, settings = Config(password=kept("renewed")), openbao.settings(token=Secret(token))
    read(config, settings)
    keeper = Keeper(settings, [("", config)])
    await keeper.renew(config.password)
    openbao.client.auth.token.renew(token, increment="10m")
    before = openbao.client.auth.token.lookup(token)["data"]["expire_time"]
    keeper._reader._store._renew_at = 0.0
    await keeper.renew(config.password)
    assert openbao.client.auth.token.lookup(token)["data"]["expire_time"] > before


async def test_approle_signs_in_again_when_its_token_was_taken_back(openbao):
    openbao.write("approle", password="first")
    client = openbao.client
    client.sys.create_or_update_policy("reader", 'path "secret/data/*" { capabilities = ["read"] }')
    client.sys.enable_auth_method("approle")
    client.auth.approle.create_or_update_approle("masterlinc", token_policies=["reader"], token_ttl="1h")
    role_id = client.auth.approle.read_role_id("masterlinc")["data"]["role_id"]
    secret_id = client.auth.approle.generate_secret_id("masterlinc")["data"]["secret_id"]
    settings = openbao.settings(auth="approle", token=Secret(), role_id=role_id, secret_id=Secret(secret_id))
    config = Config(password=kept("approle"))
    read(config, settings)
    keeper = Keeper(settings, [("", config)])
    await keeper.renew(config.password)
    client.auth.token.revoke(keeper._reader._store._client.token)
    openbao.write("approle", password="second")
    assert await keeper.renew(config.password)
    keeper._reader._store._renew_at = 0.0
    assert not await keeper.renew(config.password)
    wrong = openbao.settings(auth="approle", role_id=role_id, secret_id=Secret(CANARY))
    assert "InvalidRequest" in refused(wrong, kept("approle"))


class Cluster(BaseHTTPRequestHandler):
    """As much of Kubernetes as says whose a service account's token is."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known = review["spec"]["token"] == CLUSTER_TOKEN
        user = {"username": "system:serviceaccount:clinic:masterlinc", "uid": "1", "groups": []}
        body = json.dumps(review | {"status": {"authenticated": known, "user": user if known else {}}}).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


CLUSTER_TOKEN = (  # a JWT's form is all that the vault looks at by itself
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6Y2xpbmljOm1hc3RlcmxpbmMiLCJrdWJlcm5ldGVzLmlvL3NlcnZpY"
    "2VhY2NvdW50L25hbWVzcGFjZSI6ImNsaW5pYyIsImt1YmVybmV0ZXMuaW8vc2VydmljZWFjY291bnQvc2VydmljZS1hY2NvdW50Lm5hbWUiOiJtYXN"
    "0ZXJsaW5jIiwia3ViZXJuZXRlcy5pby9zZXJ2aWNlYWNjb3VudC9zZXJ2aWNlLWFjY291bnQudWlkIjoiMSJ9.c2ln"
)


@pytest.fixture
def cluster() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Cluster)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pod_signs_in_with_its_service_account(openbao, cluster: str, tmp_path: Path):
    authority = trustme.CA().cert_pem.bytes().decode()  # asked for, and not used: the cluster is beside us
    openbao.write("pod", password="p")
    client = openbao.client
    client.sys.create_or_update_policy("reader", 'path "secret/data/*" { capabilities = ["read"] }')
    client.sys.enable_auth_method("kubernetes", path="cluster")
    client.write_data(
        "auth/cluster/config",
        data={"kubernetes_host": cluster, "token_reviewer_jwt": CLUSTER_TOKEN, "kubernetes_ca_cert": authority},
    )
    client.write_data(
        "auth/cluster/role/masterlinc",
        data={
            "bound_service_account_names": "masterlinc",
            "bound_service_account_namespaces": "clinic",
            "token_policies": "reader",
        },
    )
    account = tmp_path / "token"
    account.write_text(CLUSTER_TOKEN)
    account.chmod(0o644)  # as a cluster mounts it
    changes = {"auth": "kubernetes", "auth_mount": "cluster", "service_account": str(account), "token": Secret()}
    config = Config(password=kept("pod"))
    read(config, openbao.settings(role="masterlinc", **changes))
    assert config.password.reveal() == "p"
    assert "does not give secret/pod: " in refused(openbao.settings(role="another", **changes), kept("pod"))
    account.unlink()
    assert "cannot be read" in refused(openbao.settings(role="masterlinc", **changes), kept("pod"))
