"""The one way in: whatever was proven, here it is decided whether a session opens.

A password, a code, a provider's word or a link in a mail only prove something. Whether the account may sign in at all
is asked here, under a lock on its row, so that no path forgets it and no change slips in between.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from authlinc import queries
from authlinc.contract import UserLoggedIn
from authlinc.errors import LoginRefused
from authlinc.service import emails
from authlinc.service.defence import Attempt, forget
from authlinc.service.second_step import demand
from authlinc.service.sessions import Holder, Tokens, open_session
from authlinc.tables import UserAccount
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Actor, Transaction


class Proof(StrEnum):
    """What a person has shown."""

    PASSWORD = "password"  # noqa: S105 - the name of a proof
    CODE = "code"  # of the second factor
    PROVIDER = "provider"  # another system that the user is signed in to vouches for them


class Person(Struct, frozen=True):
    """Whose account it is."""

    organization_id: UUID
    user_id: UUID


class Password(Struct, frozen=True):
    """The hash that a password was found to fit, and a new one where it is outdated."""

    stored: str
    new: str | None = None


async def enter(
    ctx: Context,
    person: Person,
    proven: frozenset[Proof],
    *,
    attempt: Attempt | None = None,
    password: Password | None = None,
) -> Tokens:
    """Open a session for who has proven to be this person; raises LoginRefused when the account may not sign in."""
    home = person.organization_id
    actor = Actor(person.user_id, "user", None, ctx.trace_id, ctx.address, person.organization_id, ctx.actor.purpose)
    async with ctx.db.transaction(frozenset({home}), actor=actor) as transaction:
        user = await transaction.fetchrow(queries.LOCK_USER, home, person.user_id)
        reason = bar(user, password)
        if not reason and password is not None and password.new is not None:
            await _renew_hash(person, password.new)
        missing = None if reason else await demand(ctx, transaction, user, proven, attempt)
        if not reason and missing is None:
            return await _open(ctx, transaction, user, proven, attempt)
        if reason:
            _audit_bar(transaction, person, proven, reason)
    raise missing or LoginRefused  # after the commit: that it was tried stays, and the challenge


def bar(user: Any, password: Password | None = None) -> str:
    """Say why an account may not sign in, by whatever way; empty where it may."""
    if user is None:
        return "unknown"
    if user["disabled_at"]:
        return "disabled"
    if user["organization_disabled_at"]:
        return "organization disabled"
    if password is not None and user["password_hash"] != password.stored:
        return "password changed"
    return ""


async def _renew_hash(person: Person, new: str) -> None:
    await UserAccount.update({UserAccount.password_hash: new}).where(
        UserAccount.organization_id == person.organization_id, UserAccount.id == person.user_id
    )


async def _open(
    ctx: Context,
    transaction: Transaction,
    user: Any,
    proven: frozenset[Proof],
    attempt: Attempt | None,
) -> Tokens:
    home, user_id = user["organization_id"], user["id"]
    if attempt is not None:
        await forget(transaction, attempt)
    email = emails.open_email(ctx, home, user_id, user["email"])
    holder, by = Holder(home, user_id, email, tuple(user["roles"])), ",".join(sorted(proven))
    session_id, tokens = await open_session(ctx, transaction, holder, by)
    transaction.audit("auth.login", "session", str(session_id), organization_id=home, detail={"by": by})
    transaction.publish(UserLoggedIn(user_id, home), aggregate=user_id, organization_id=home)
    return tokens


def _audit_bar(transaction: Transaction, person: Person, proven: frozenset[Proof], reason: str) -> None:
    transaction.audit(
        "auth.login",
        "user",
        ids.show("USR", person.user_id),
        organization_id=person.organization_id,
        outcome="refused",
        detail={"by": ",".join(sorted(proven)), "reason": reason},
    )
