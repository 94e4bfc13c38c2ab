"""Sealed columns: what the database stores of identifiers, contacts and messages says nothing without the key."""

from masterlinc.sealing.vault import KeyAway, KeyDestroyed, SealBroken, Vault

__all__ = ["KeyAway", "KeyDestroyed", "SealBroken", "Vault"]
