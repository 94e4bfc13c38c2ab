"""Links by which a user chooses a password: asked for, sent by a workflow, and used once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from authlinc import factor_queries, queries
from authlinc import link_queries as links
from authlinc.contract import LoadOrganization
from authlinc.link_errors import HasPassword, LinkRefused, TooManyMails
from authlinc.service import emails, opaque
from authlinc.service.directory import load_organization
from authlinc.service.endings import end_sessions_of
from authlinc.service.entry import bar
from authlinc.service.mail import require_mail
from authlinc.service.mailing import PREFIX, WORKFLOW, invitation_key, reset_key
from authlinc.service.new_passwords import hash_new, store_password
from authlinc.service.opaque import Opaque
from authlinc.service.second_step import password_mark
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import NotFound
from masterlinc.security.principal import NOBODY

_HOUR = timedelta(hours=1)


async def ask_for_reset(ctx: Context, email: str) -> None:
    """Have a link sent to the user of an address, if there is one; raises Invalid or MailOff.

    Nobody looks for the user here: known and unknown addresses are one code path, one answer and one duration.
    """
    require_mail(ctx)
    account = emails.email_index(ctx, emails.fold_email(email))
    async with ctx.transaction() as transaction:
        who = f"account:{account.hex()}"
        if not await _may_mail(ctx, transaction, account):
            detail = {"reason": "too many mails"}
            transaction.audit("auth.password.ask", "user", who, organization_id=None, outcome="refused", detail=detail)
            return
        await ctx.start_workflow(transaction, WORKFLOW.name, reset_key(account), NOBODY)
        transaction.audit("auth.password.ask", "user", who, organization_id=None)


async def invite(ctx: Context, user_id: UUID) -> None:
    """Have an invitation sent to a user without a password; raises NotFound, HasPassword, TooManyMails or MailOff."""
    home = ctx.principal.organization_id
    async with ctx.transaction() as transaction:
        user = await transaction.fetchrow(queries.LOCK_USER, home, user_id)
        if user is None:
            raise NotFound
        if user["has_password"]:
            raise HasPassword
        require_mail(ctx)
        if not await _may_mail(ctx, transaction, user["email_index"]):
            raise TooManyMails
        await ctx.start_workflow(transaction, WORKFLOW.name, invitation_key(user_id), home)
        transaction.audit("user.invite", "user", ids.show("USR", user_id), organization_id=home)


async def choose(ctx: Context, token: str, password: str) -> None:
    """Give the user of a link the password that they chose, once; what they were signed in to ends.

    Raises LinkRefused, or Invalid for a password that may not be chosen: the link is still good then.
    """
    presented = opaque.read_token(PREFIX, token)
    if presented is None:
        raise LinkRefused
    home = presented.organization_id
    async with ctx.transaction(frozenset({home})) as transaction:
        found = await _open(ctx, transaction, presented)
        if found is None:
            _audit_refusal(transaction, presented)
    if found is None:
        raise LinkRefused
    user = found.user
    organization = await load_organization(ctx, LoadOrganization(home))
    email = emails.open_email(ctx, home, user["id"], user["email"])
    context = (email, user["name"], user["name_ar"], organization.name, organization.name_ar)
    new_hash = await hash_new(ctx, password, context)
    if not await ctx.run(lambda tx: _use(ctx, tx, presented, new_hash), frozenset({home})):
        raise LinkRefused


class _Found(Struct, frozen=True):
    link: Any
    user: Any


async def _open(ctx: Context, transaction: Transaction, presented: Opaque) -> _Found | None:
    """Return a link that is good, with its user, whose row is locked from now on."""
    home, now = presented.organization_id, ctx.clock.now()
    link = await transaction.fetchrow(links.LINK, home, presented.digest, now)
    if link is None:
        return None
    user = await transaction.fetchrow(queries.LOCK_USER, home, link["user_id"])
    if bar(user) or password_mark(user) != link["password_mark"]:
        return None
    return _Found(link, user)


async def _use(ctx: Context, transaction: Transaction, presented: Opaque, new_hash: str) -> bool:
    home, now = presented.organization_id, ctx.clock.now()
    found = await _open(ctx, transaction, presented)
    if found is None or await transaction.fetchval(links.USE_LINK, home, presented.digest, now) is None:
        _audit_refusal(transaction, presented)
        return False
    user_id = found.user["id"]
    await transaction.execute(links.VOID_LINKS, home, user_id, now, None)
    await transaction.execute(factor_queries.DELETE_CHALLENGES, home, user_id)
    await store_password(transaction, home, user_id, new_hash)
    await end_sessions_of(ctx, transaction, home, user_id, "password")
    await transaction.execute(queries.FORGET_ATTEMPTS, found.user["email_index"])
    detail = {"by": found.link["purpose"]}
    transaction.audit("auth.password.choose", "user", ids.show("USR", user_id), organization_id=home, detail=detail)
    return True


async def _may_mail(ctx: Context, transaction: Transaction, account: bytes) -> bool:
    now = ctx.clock.now()
    most = ctx.config.mail.per_hour
    return await transaction.fetchval(links.COUNT_MAIL, account, now, now - _HOUR, most) is not None


def _audit_refusal(transaction: Transaction, presented: Opaque) -> None:
    """Write down a link that is not good; its organization is only what the caller wrote."""
    resource = f"link:{presented.digest.hex()[:16]}"
    detail = {"reason": "link"}
    transaction.audit("auth.password.choose", "link", resource, organization_id=None, outcome="refused", detail=detail)
