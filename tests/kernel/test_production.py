"""What production refuses to start with, each reason in one line."""

import base64
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc import production
from masterlinc.app import create_app
from masterlinc.errors import StartupError
from masterlinc.registry import assemble, discover
from masterlinc.secrets import Secret
from masterlinc.settings import RedisUrl, Settings, load
from masterlinc.testing import MASTER_KEY

STRONG = base64.b64encode(random.Random(1447).randbytes(32)).decode()


def settings(**changes: object) -> Settings:
    """Settings as production has them, but for these."""
    made = load("testing,production", environment={"MASTERLINC_NPHIESLINC__HUB": "simulator"})
    made.security.master_key = Secret(STRONG)
    made.http.public_url = "https://api.hospital.example"
    made.database.url = Secret("postgresql://masterlinc_app:9f2c4e7d@db.internal/masterlinc")
    for path, value in changes.items():
        section, _, name = path.partition("__")
        setattr(getattr(made, section), name, value)
    return made


def test_what_production_asks_for_starts():
    production.check(settings())
    create_app(settings(), assemble(settings(), *discover()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"http__docs": True}, "http.docs is true"),
        ({"security__master_key": Secret(MASTER_KEY)}, "security.master_key: it is text"),
        ({"database__url": Secret("postgresql://masterlinc_app:changeme@db/x")}, "database.url has a password"),
        ({"database__url": Secret("postgresql://masterlinc_app:%70assword@db/x")}, "database.url has a password"),
        ({"database__owner_url": Secret("postgresql://o:one-password@db/x")}, "database.owner_url has a password"),
        ({"redis__url": RedisUrl("redis://:Redis@cache/0")}, "redis.url has a password"),
        ({"security__issuer": "http://id.hospital.example"}, "security.issuer is not https://"),
        ({"tools__url": "http://api.hospital.example"}, "tools.url is not https://"),
        ({"vault__address": "http://vault.internal:8200"}, "vault.address is not https://"),
    ],
)
def test_each_weakness_is_named_and_no_other(changes, words):
    made = settings(**changes)
    with pytest.raises(StartupError) as refused:
        create_app(made, assemble(made, *discover()))
    assert words in str(refused.value)
    assert "; " not in str(refused.value)
    for secret in ("changeme", "%70assword", "one-password", "Redis@", MASTER_KEY):
        assert secret not in str(refused.value)
    made.http.production = False
    production.check(made)


@pytest.mark.parametrize("name", ["LITESTAR_DEBUG", "LITESTAR_PDB", "PYTHONASYNCIODEBUG", "MASTERLINC_DEMO_PASSWORD"])
def test_what_is_for_developers_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with pytest.raises(StartupError, match=name):
        production.check(settings())


def test_all_reasons_are_told_at_once():
    with pytest.raises(StartupError) as refused:
        production.check(settings(http__docs=True, security__issuer="http://id.example"))
    assert "\n" not in str(refused.value)
    assert str(refused.value).count("; ") == 1


def test_a_vault_beside_the_process_may_be_reached_in_the_clear():
    production.check(settings(vault__address="http://127.0.0.1:8200"))


@given(st.integers(min_value=0))
def test_a_random_key_is_taken(seed):
    assert production.weakness(random.Random(seed).randbytes(32)) == ""


def test_the_system_s_random_keys_are_taken():
    assert {production.weakness(os.urandom(32)) for _ in range(5_000)} == {""}


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=32, max_size=32))
def test_a_phrase_is_no_key(text):
    assert production.weakness(text.encode())


@given(st.binary(min_size=1, max_size=16))
def test_a_key_that_repeats_itself_is_none(part):
    assert production.weakness((part * 32)[:32])


@given(st.integers(0, 255), st.integers(0, 255))
def test_a_row_of_numbers_is_no_key(start, step):
    assert production.weakness(bytes((start + place * step) % 256 for place in range(32)))


@pytest.mark.parametrize("word", ["", "password", "masterlinc", "changeme"])
def test_the_hash_of_a_word_is_no_key(word):
    import hashlib

    for name in ("sha256", "sha3_256", "blake2s"):
        assert production.weakness(hashlib.new(name, word.encode()).digest()) == "it is made of a known word"
