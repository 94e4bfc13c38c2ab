import os
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.sealing import KeyAway, KeyDestroyed, SealBroken, Vault
from masterlinc.sealing.masters import MasterKeys, MasterUnknown
from masterlinc.sealing.ring import StoredKey

KEY = bytes(range(32))
ROOT = bytes(range(1, 33))
ONE, OTHER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def vault_of(*keys: bytes, root: bytes = ROOT) -> Vault:
    vault = Vault(MasterKeys(*(keys[:1] or [KEY]), keys[1:]))
    vault.root(root)
    return vault


def told(of: Vault, to: Vault) -> None:
    """What the database carries from one process to another."""
    for key in of.ring.unsaved.values():
        to.ring.learn(StoredKey(key.id, key.organization_id, key.wrapped, key.master_id, NOW))
    to.ring.use(NOW)


@given(st.binary(max_size=500), st.text(max_size=30), st.uuids())
def test_what_was_sealed_opens(plaintext, label, organization):
    label = label.encode("utf-8", "ignore").decode()
    vault = vault_of()
    assert vault.open(organization, label, vault.seal(organization, label, plaintext)) == plaintext


def test_another_process_opens_it_with_the_key_that_the_database_holds():
    one, two = vault_of(), vault_of()
    sealed = one.seal(ONE, "phone", b"+966512345678")
    told(one, two)
    assert two.open(ONE, "phone", sealed) == b"+966512345678"


def test_sealing_twice_differs_and_hides():
    vault = vault_of()
    first, second = vault.seal(ONE, "phone", b"+966512345678"), vault.seal(ONE, "phone", b"+966512345678")
    assert first != second
    assert b"512345678" not in first


@pytest.mark.parametrize(
    ("organization", "label"),
    [(OTHER, "phone/1"), (ONE, "email/1"), (ONE, "phone/2"), (ONE, "phone")],
)
def test_another_organization_label_or_row_does_not_open(organization, label):
    vault = vault_of()
    sealed = vault.seal(ONE, "phone/1", b"+966512345678")
    with pytest.raises(SealBroken):
        vault.open(organization, label, sealed)


def test_a_wrapped_key_opens_for_its_own_organization_only():
    one, two = vault_of(), vault_of()
    sealed = one.seal(ONE, "phone", b"+966512345678")
    (key,) = one.ring.unsaved.values()
    two.ring.learn(StoredKey(key.id, OTHER, key.wrapped, key.master_id, NOW))
    two.ring.use(NOW)
    with pytest.raises(KeyAway):
        two.open(ONE, "phone", sealed)
    with pytest.raises(MasterUnknown):
        two.seal(OTHER, "phone", b"")


def test_every_changed_byte_is_seen():
    vault = vault_of()
    sealed = vault.seal(ONE, "phone", b"+966512345678")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(KeyAway if 1 <= place < 17 else SealBroken):
            vault.open(ONE, "phone", bytes(changed))
    for broken in [b"", sealed[:10], sealed[:-1], sealed + b"\0", b"\x01" + sealed[1:]]:
        with pytest.raises(SealBroken):
            vault.open(ONE, "phone", broken)


def test_a_key_that_is_not_known_is_looked_for_once_and_then_known_to_be_absent():
    one, two, looks = vault_of(), vault_of(), []
    sealed = one.seal(ONE, "phone", b"1")
    two.look = lambda: bool(looks.append(1)) or True
    for _ in range(2):
        with pytest.raises(SealBroken, match="not there"):
            two.open(ONE, "phone", sealed)
    assert len(looks) == 1
    told(one, two)
    assert two.open(ONE, "phone", sealed) == b"1"


def test_a_key_that_is_found_when_it_is_looked_for_opens_at_once():
    one, two = vault_of(), vault_of()
    sealed = one.seal(ONE, "phone", b"1")
    two.look = lambda: told(one, two) or True
    assert two.open(ONE, "phone", sealed) == b"1"


def test_where_nobody_tells_a_key_is_asked_for_again():
    one, two = vault_of(), vault_of()
    sealed = one.seal(ONE, "phone", b"1")
    for _ in range(2):
        with pytest.raises(KeyAway) as away:
            two.open(ONE, "phone", sealed)
        assert (away.value.status, away.value.headers) == (503, {"Retry-After": "1"})


def test_two_processes_that_make_a_key_at_once_are_both_right():
    one, two = vault_of(), vault_of()
    first, second = one.seal(ONE, "phone", b"1"), two.seal(ONE, "phone", b"2")
    told(one, two)
    told(two, one)
    for vault in (one, two):
        assert (vault.open(ONE, "phone", first), vault.open(ONE, "phone", second)) == (b"1", b"2")


def test_a_new_key_seals_from_its_time_on_and_the_old_one_still_opens():
    one, two = vault_of(), vault_of()
    old = two.seal(ONE, "phone", b"old")
    one.seal(ONE, "phone", b"")
    (key,) = one.ring.unsaved.values()
    two.ring.learn(StoredKey(key.id, ONE, key.wrapped, key.master_id, NOW))
    two.ring.use(NOW.replace(hour=8))
    assert two.seal(ONE, "phone", b"")[1:17] == old[1:17]
    two.ring.use(NOW)
    assert two.seal(ONE, "phone", b"")[1:17] == key.id.bytes
    assert two.open(ONE, "phone", old) == b"old"


def test_what_a_destroyed_key_sealed_is_gone():
    vault = vault_of()
    sealed = vault.seal(ONE, "phone", b"1")
    (key,) = vault.ring.unsaved.values()
    vault.ring.learn(StoredKey(key.id, ONE, None, key.master_id, NOW))
    with pytest.raises(KeyDestroyed) as gone:
        vault.open(ONE, "phone", sealed)
    assert gone.value.status == 410
    assert vault.open(ONE, "phone", vault.seal(ONE, "phone", b"2")) == b"2"


def test_a_new_master_key_opens_what_a_former_one_wrapped():
    one, two = vault_of(KEY), vault_of(KEY[::-1], KEY)
    sealed = one.seal(ONE, "phone", b"1")
    told(one, two)
    assert two.open(ONE, "phone", sealed) == b"1"
    assert not two.ring.take(MasterKeys(KEY[::-1]))
    assert two.ring.take(MasterKeys(KEY))
    other = vault_of(KEY[::-1])
    told(one, other)
    with pytest.raises(KeyAway):
        other.open(ONE, "phone", sealed)


def test_a_wrap_by_an_unknown_master_key_replaces_none_that_is_known():
    vault, other = vault_of(KEY), MasterKeys(KEY[::-1])
    sealed = vault.seal(ONE, "phone", b"1")
    (key,) = vault.ring.unsaved.values()
    vault.ring.cipher.cache_clear()
    vault.ring.learn(StoredKey(key.id, ONE, other.wrap(key.name, bytes(32)), other.current, NOW))
    vault.ring.use(NOW)
    assert vault.open(ONE, "phone", sealed) == b"1"
    assert vault.open(ONE, "phone", vault.seal(ONE, "phone", b"2")) == b"2"


def test_blind_finds_equal_values_of_one_place_only():
    vault = vault_of()
    blind = vault.blind(ONE, "phone", "+966512345678")
    assert len(blind) == 16
    assert blind == vault_of(KEY[::-1]).blind(ONE, "phone", "+966512345678")  # no master key changes it
    others = [
        vault.blind(OTHER, "phone", "+966512345678"),
        vault.blind(ONE, "identifier", "+966512345678"),
        vault.blind(ONE, "phone+", "966512345678"),
        vault.blind(ONE, "phone", "+966512345679"),
        vault_of(root=KEY).blind(ONE, "phone", "+966512345678"),
    ]
    assert blind not in others
    assert len(set(others)) == len(others)


def test_blind_values_stay_as_they_are_stored():
    assert vault_of().blind(ONE, "phone", "+966512345678").hex() == "efc2fe9113d3a289ce263b668dbfc915"


@pytest.mark.parametrize("key", [b"", KEY[:31], KEY + b"\0", bytes(32)])
def test_weak_master_keys_are_refused(key):
    with pytest.raises(ValueError, match="master key"):
        MasterKeys(key)
    with pytest.raises(ValueError, match="master key"):
        MasterKeys(KEY, [key])


def test_no_key_is_shown():
    vault = vault_of()
    vault.seal(ONE, "phone", b"")
    shown = f"{vault!r} {vault.ring!r} {vault.ring.masters!r}"
    assert shown == "Vault(…) Ring(…) MasterKeys(…)"


def test_the_id_of_a_master_key_does_not_depend_on_its_place():
    other = os.urandom(32)
    assert MasterKeys(KEY, [other]).ids == MasterKeys(other, [KEY]).ids
