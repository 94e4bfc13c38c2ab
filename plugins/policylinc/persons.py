"""How a person is named in a question, and how their identifiers are sealed and found."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from masterlinc.identity import PERSON_SYSTEMS, check_saudi_id, normalize_identifier, system_of
from masterlinc.sealing import Vault
from policylinc.contract import PersonIdentifier

_LABEL = "member_identifier"


class Person(Struct, frozen=True):
    """What a person is looked for by."""

    member_number: str | None = None
    identifiers: tuple[PersonIdentifier, ...] = ()
    member_id: UUID | None = None


def person_named(reference: str) -> Person:
    """Read a reference as a member number or a bare identifier, whose system its shape tells or leaves open."""
    kind = check_saudi_id(reference)
    systems = [system_of(kind)] if kind else sorted(PERSON_SYSTEMS)
    return Person(reference, tuple(PersonIdentifier(system, reference) for system in systems))


def blind(vault: Vault, payer: UUID, identifier: PersonIdentifier) -> bytes:
    """Return the bytes that an identifier is found by at a payer."""
    return vault.blind(payer, _LABEL, f"{identifier.system}\n{_comparable(identifier.value)}")


def blinds(vault: Vault, payers: Iterable[UUID], person: Person) -> list[tuple[UUID, bytes]]:
    """Return a person's blind indexes at each payer."""
    return [(payer, blind(vault, payer, identifier)) for payer in payers for identifier in person.identifiers]


def seal(vault: Vault, payer: UUID, member_id: UUID, identifier: PersonIdentifier) -> bytes:
    """Encrypt an identifier as it was sent, bound to its member."""
    return vault.seal(payer, f"{_LABEL}/{member_id}", identifier.value.encode())


def unseal(vault: Vault, payer: UUID, member_id: UUID, sealed: bytes) -> str:
    """Return an identifier as it was sent."""
    return vault.open(payer, f"{_LABEL}/{member_id}", sealed).decode()


def _comparable(value: str) -> str:
    try:
        return normalize_identifier(value)
    except ValueError:  # messages carry what no form would take; it is still found by the same text
        return value.strip()
