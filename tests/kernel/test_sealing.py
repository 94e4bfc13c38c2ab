from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.sealing import SealBroken, Vault

KEY = bytes(range(32))
ONE, OTHER = UUID(int=1), UUID(int=2)


@given(st.binary(max_size=500), st.text(max_size=30), st.uuids())
def test_what_was_sealed_opens(plaintext, label, organization):
    label = label.encode("utf-8", "ignore").decode()
    assert Vault(KEY).open(organization, label, Vault(KEY).seal(organization, label, plaintext)) == plaintext


def test_sealing_twice_differs_and_hides():
    vault = Vault(KEY)
    first, second = vault.seal(ONE, "phone", b"+966512345678"), vault.seal(ONE, "phone", b"+966512345678")
    assert first != second
    assert b"512345678" not in first


@pytest.mark.parametrize(
    ("organization", "label", "key"),
    [(OTHER, "phone/1", KEY), (ONE, "email/1", KEY), (ONE, "phone/2", KEY), (ONE, "phone/1", KEY[::-1])],
)
def test_another_organization_label_row_or_key_does_not_open(organization, label, key):
    sealed = Vault(KEY).seal(ONE, "phone/1", b"+966512345678")
    with pytest.raises(SealBroken):
        Vault(key).open(organization, label, sealed)


def test_every_changed_byte_is_seen():
    vault = Vault(KEY)
    sealed = vault.seal(ONE, "phone", b"+966512345678")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            vault.open(ONE, "phone", bytes(changed))
    for broken in [b"", sealed[:10], sealed[:-1], sealed + b"\0", b"\x02" + sealed[1:]]:
        with pytest.raises(SealBroken):
            vault.open(ONE, "phone", broken)


def test_blind_finds_equal_values_of_one_place_only():
    vault = Vault(KEY)
    blind = vault.blind(ONE, "phone", "+966512345678")
    assert len(blind) == 16
    assert blind == Vault(KEY).blind(ONE, "phone", "+966512345678")
    others = [
        vault.blind(OTHER, "phone", "+966512345678"),
        vault.blind(ONE, "identifier", "+966512345678"),
        vault.blind(ONE, "phone+", "966512345678"),
        vault.blind(ONE, "phone", "+966512345679"),
        Vault(KEY[::-1]).blind(ONE, "phone", "+966512345678"),
    ]
    assert blind not in others
    assert len(set(others)) == len(others)


def test_blind_values_stay_as_they_are_stored():
    assert Vault(KEY).blind(ONE, "phone", "+966512345678").hex() == "f09a0e95d1bdde08551bde87f8cb8e17"


@pytest.mark.parametrize("key", [b"", KEY[:31], KEY + b"\0", bytes(32)])
def test_weak_master_keys_are_refused(key):
    with pytest.raises(ValueError, match="master key"):
        Vault(key)


def test_the_key_is_not_shown():
    assert repr(Vault(KEY)) == "Vault(…)"
    assert "_master" not in str(Vault(KEY))
