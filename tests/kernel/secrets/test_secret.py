"""A secret among the settings: how it is written, read, and not shown."""

import copy
import logging
import os
import pickle
import traceback
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from masterlinc.errors import StartupError
from masterlinc.registry import assemble
from masterlinc.secrets import Secret, decode, secrets_of
from masterlinc.secrets.files import SourceFault, read_file
from masterlinc.secrets.keeper import Keeper
from masterlinc.settings import RedisUrl, Settings, VaultSettings, build, load

CANARY = "canary-4711-of-the-secrets"


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    client_secret: Secret = field(default_factory=Secret)
    others: list[Secret] = []


def in_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return f"file:{path}"


def test_a_secret_is_what_stands_in_the_settings():
    settings = build({"security": {"master_key": "abc", "former_master_keys": ["d", "e"]}})
    assert settings.security.master_key.reveal() == "abc"
    assert [one.reveal() for one in settings.security.former_master_keys] == ["d", "e"]
    assert (bool(settings.database.url), settings.database.url.reveal()) == (False, "")


def test_the_environment_gives_a_list_of_secrets():
    environment = {"MASTERLINC_SECURITY__FORMER_MASTER_KEYS": '["a", "b"]'}
    assert [one.reveal() for one in load(environment=environment).security.former_master_keys] == ["a", "b"]


def test_an_agent_s_secret_is_read_with_the_others(tmp_path):
    from masterlinc.agent import Agent

    agent = Agent("shylinc", "Shy", "خجول", "1", ">=0.1,<1", config=Config)
    settings = build({"agents": {"shylinc": {"client_secret": in_file(tmp_path, "of a file\n")}}})
    registry = assemble(settings, [agent])
    assert registry.configs["shylinc"].client_secret.reveal() == "of a file"
    settings.agents["shylinc"] = {"client_secret": "file:/nowhere/at/all"}
    with pytest.raises(StartupError, match=r"agents\.shylinc\.client_secret: /nowhere/at/all cannot be read"):
        assemble(settings, [agent])


@given(st.text(min_size=5))
def test_nothing_shows_it(text):
    secret = Secret("x" + text + CANARY)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret!r}",
        repr([secret]),
        repr(Config(client_secret=secret)),
    ):
        assert CANARY not in shown


def test_a_key_cannot_be_made_of_the_dots_that_hide_it():
    with pytest.raises(TypeError, match="reveal"):
        f"{Secret(CANARY)}/limits"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(Secret(CANARY))
    with pytest.raises(TypeError):
        msgspec.json.encode(Config(client_secret=Secret(CANARY)))
    with pytest.raises(TypeError):
        hash(Secret(CANARY))


def test_logs_and_traces_do_not_show_it(caplog):
    settings = build({"security": {"master_key": CANARY}})
    logging.getLogger("x").warning("settings %s", settings)
    assert "Secret(…)" in caplog.text
    assert CANARY not in caplog.text
    with pytest.raises(AttributeError) as fault:
        settings.security.master_key.missing  # noqa: B018
    told = traceback.TracebackException.from_exception(fault.value, capture_locals=True)
    assert CANARY not in "".join(told.format())


def test_it_is_equal_to_what_is_written_alike_and_copied_as_it_is():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    secret = Secret("a")
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret


@pytest.mark.parametrize(
    "written",
    [
        "file:relative",
        "file:",
        "vault:",
        "vault:kv/path",
        "vault:kv#field",
        "vault:/kv/a#b",
        "vault:kv/a#",
        "vault:kv/a b#c",
    ],
)
def test_a_reference_that_cannot_be_is_refused_with_its_key(written):
    with pytest.raises(StartupError, match=r"security\.master_key"):
        build({"security": {"master_key": written}})


@pytest.mark.parametrize("value", [7, True, ["a"], {"a": 1}])
def test_a_secret_is_text(value):
    with pytest.raises(StartupError, match=r"security\.master_key"):
        build({"security": {"master_key": value}})


def test_a_wrong_form_is_told_without_the_secret():
    with pytest.raises(StartupError) as refused:
        build({"redis": {"url": f"http://:{CANARY}@host"}})
    assert "redis.url" in str(refused.value)
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_secret_in_a_file_has_the_form_too(tmp_path):
    written = in_file(tmp_path, f"http://:{CANARY}@host")
    with pytest.raises(StartupError, match=r"redis\.url: it is not of the right form") as refused:
        load(environment={"MASTERLINC_REDIS__URL": written})
    assert CANARY not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_is_read_without_the_end_of_its_line(tmp_path, ending):
    assert read_file(in_file(tmp_path, f" a b {ending}").removeprefix("file:")) == " a b "


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601])
def test_a_file_that_is_open_to_others_is_refused(tmp_path, mode):
    with pytest.raises(StartupError, match=r"security\.master_key: .*can be read by others; run: chmod o= "):
        load(environment={"MASTERLINC_SECURITY__MASTER_KEY": in_file(tmp_path, CANARY, mode)})
    assert load(environment={"MASTERLINC_SECURITY__MASTER_KEY": in_file(tmp_path, CANARY, 0o640)})


def test_what_is_no_secret_is_told(tmp_path):
    path = tmp_path / "secret"
    for data, words in (
        (b"", "holds no secret"),
        (b"\n", "holds no secret"),
        (b"a\0b", "holds no secret"),
        (b"\xff", "no text"),
        (b"x" * 65_537, "too large"),
    ):
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(SourceFault, match=words):
            read_file(str(path))
    path.unlink()
    with pytest.raises(SourceFault, match="No such file"):
        read_file(str(path))
    path.mkdir(mode=0o700)
    with pytest.raises(SourceFault, match="Is a directory"):
        read_file(str(path))


def test_a_secret_that_was_not_read_is_no_empty_one(tmp_path):
    secret = Secret(f"file:{tmp_path}/secret")
    assert bool(secret)
    with pytest.raises(LookupError, match="has not been read"):
        secret.reveal()


def test_every_secret_is_found_with_its_key():
    settings = build({"security": {"former_master_keys": ["a"]}})
    names = {name for name, _ in secrets_of(settings)}
    assert {"security.master_key", "security.former_master_keys[0]", "database.url", "vault.token"} <= names
    assert [name for name, _ in secrets_of({"a": [Secret("b")]})] == ["a[0]"]


async def test_a_changed_file_is_read_again_and_told_once(tmp_path):
    secret, told = Secret(in_file(tmp_path, "first")), []
    secret.take("first")
    end = secret.on_change(lambda: told.append(secret.reveal()))
    keeper = Keeper(VaultSettings(), [("", Config(client_secret=secret))])
    await keeper.look()
    assert told == []
    in_file(tmp_path, "second\n")
    await keeper.look()
    await keeper.look()
    assert told == ["second"]
    end()
    in_file(tmp_path, "third, longer")
    await keeper.look()
    assert (told, secret.reveal()) == (["second"], "third, longer")


async def test_a_folder_of_secrets_that_is_exchanged_behind_a_link_is_seen(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        in_file(tmp_path / name, name)
    (tmp_path / "data").symlink_to("one")
    secret = Secret(f"file:{tmp_path}/data/secret")
    secret.take("one")
    keeper = Keeper(VaultSettings(), [("", Config(client_secret=secret))])
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").rename(tmp_path / "data")
    await keeper.look()
    assert secret.reveal() == "two"


async def test_a_file_that_goes_wrong_leaves_the_secret_as_it_was_and_warns_once(tmp_path, caplog):
    secret = Secret(in_file(tmp_path, "first"))
    secret.take("first")
    keeper = Keeper(VaultSettings(), [("agents.shylinc", Config(client_secret=secret))])
    in_file(tmp_path, "second", 0o644)
    for _ in range(3):
        await keeper.look()
        os.utime(secret.file)
    assert secret.reveal() == "first"
    assert caplog.text.count("agents.shylinc.client_secret") == 1
    assert "second" not in caplog.text
    (tmp_path / "secret").unlink()
    await keeper.look()
    assert secret.reveal() == "first"
    in_file(tmp_path, "third")
    await keeper.look()
    assert secret.reveal() == "third"


async def test_one_secret_is_read_again_at_once(tmp_path):
    secret = Secret(in_file(tmp_path, "first"))
    secret.take("first")
    keeper = Keeper(VaultSettings(), [])
    assert not await keeper.renew(secret)
    in_file(tmp_path, "second")
    assert await keeper.renew(secret)
    assert secret.reveal() == "second"
    assert not await keeper.renew(Secret("plain"))


def test_other_types_are_not_ours_to_decode():
    with pytest.raises(NotImplementedError):
        decode(Path, "x")
    assert isinstance(decode(RedisUrl, "redis://host"), RedisUrl)
    assert Settings() == Settings()
