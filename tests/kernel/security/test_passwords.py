"""Attack cases of passwords; the numbers are those of the security rules."""

import asyncio
import platform
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from argon2 import extract_parameters

from masterlinc.errors import Invalid, Unavailable
from masterlinc.security.passwords import LONGEST_BYTES, Passwords, normalize


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


async def test_a_password_fits_its_own_hash_only(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await passwords.check(stored, "correct horse battery")).fits
    assert not (await passwords.check(stored, "correct horse batterz")).fits


async def test_a_hash_of_other_costs_fits_and_is_outdated(passwords: Passwords) -> None:
    weak = Passwords(memory_kib=8, passes=1)
    verdict = await passwords.check(await weak.hash("pass phrase"), "pass phrase")
    assert (verdict.fits, verdict.outdated) == (True, True)
    assert not (await passwords.check(await passwords.hash("pass phrase"), "pass phrase")).outdated
    weak.close()


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "\x00"])
async def test_a_broken_hash_fits_nothing(passwords: Passwords, stored: str) -> None:
    assert not (await passwords.check(stored, "the password of nobody")).fits


async def test_34_nobody_takes_as_long_as_somebody(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, verified = await passwords.hash("a password"), []
    hasher = passwords._hasher
    monkeypatch.setattr(passwords, "_hasher", Mock(wraps=hasher))
    for who in (stored, None):
        passwords._hasher.verify.side_effect = lambda kept, plain: (verified.append(kept), hasher.verify(kept, plain))
        assert not (await passwords.check(who, "another password")).fits
    somebody, nobody = verified  # one Argon2id each
    assert extract_parameters(nobody) == extract_parameters(somebody)


async def test_34_the_decoy_is_nobodys_password(passwords: Passwords) -> None:
    assert not (await passwords.check(None, "the password of nobody")).fits


@pytest.mark.parametrize("password", ["a" * (LONGEST_BYTES + 1), "م" * 513, "🔒" * 257, "x" * 4096, "\ud800"])
async def test_35_too_long_is_refused_before_hashing(passwords: Passwords, password: str) -> None:
    passwords._hasher = None  # type: ignore[assignment] # whatever reached it would fail in another way
    with pytest.raises(Invalid) as refusal:
        await passwords.hash(password)
    assert refusal.value.errors[0].path == "password"
    with pytest.raises(Invalid):
        await passwords.check(None, password)


@pytest.mark.parametrize("password", ["م" * 64, "🔐" * 64, "a" * 72 + "b", "a" * LONGEST_BYTES])
async def test_35_long_passwords_are_whole(passwords: Passwords, password: str) -> None:
    stored = await passwords.hash(password)
    assert (await passwords.check(stored, password)).fits
    assert not (await passwords.check(stored, password[:-1])).fits


async def test_35_composed_and_decomposed_are_one(passwords: Passwords) -> None:
    typed = "café-مُحَمَّد-Å"
    stored = await passwords.hash(unicodedata.normalize("NFC", typed))
    assert (await passwords.check(stored, unicodedata.normalize("NFD", typed))).fits
    assert normalize("①") == "1"


async def test_two_at_once_eight_wait_and_the_rest_come_later(passwords: Passwords) -> None:
    gate, full, inside, most = asyncio.Event(), asyncio.Event(), 0, 0

    async def one() -> None:
        nonlocal inside, most
        async with passwords.admitted():
            inside += 1
            most = max(most, inside)
            if inside == 2:
                full.set()
            await gate.wait()
            inside -= 1

    tasks = [asyncio.create_task(one()) for _ in range(10)]
    await full.wait()
    with pytest.raises(Unavailable) as refusal:
        await one()
    assert refusal.value.headers == {"Retry-After": "1"}
    tasks[-1].cancel()  # who gives up makes room
    await asyncio.gather(tasks[-1], return_exceptions=True)
    last = asyncio.create_task(one())
    gate.set()
    await asyncio.gather(*tasks[:-1], last)
    assert most == 2
    async with passwords.admitted():
        assert inside == 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators give memory back by themselves")
async def test_memory_is_given_back_at_rest() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    passwords = Passwords(rest_seconds=3600)
    await asyncio.gather(*(passwords.hash(f"password {number}") for number in range(4)))
    busy = resident()
    passwords._rest_seconds = 0
    await passwords.hash("the last password")
    async with asyncio.timeout(5):
        while resident() > busy - 16 * 2**20:
            await asyncio.sleep(0.02)
    passwords.close()


async def test_hashing_leaves_the_event_loop_free(passwords: Passwords) -> None:
    work = [asyncio.create_task(passwords.hash(f"password {number}")) for number in range(6)]
    turns = 0
    while not all(task.done() for task in work):
        await asyncio.sleep(0)
        turns += 1
    assert len(passwords._threads._threads) <= 2
    assert turns > 100  # a loop that hashes itself turns a few times for each password
