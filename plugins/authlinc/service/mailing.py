"""The workflow that sends a link: the intent is committed first, the token is made when the mail is sent.

A try that ends between the server's answer and our note of it is made again: with a new token, and the old one is void.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from authlinc import link_queries as links
from authlinc import queries
from authlinc.config import Mail
from authlinc.service import emails, opaque
from authlinc.service.entry import bar
from authlinc.service.letters import Letter, Purpose, compose
from authlinc.service.mail import MailAway, MailRefused, deliver, require_mail
from authlinc.service.second_step import password_mark
from masterlinc import ids
from masterlinc.agent import Retry, Step, StepDone, StepInput, Workflow
from masterlinc.context import Context

PREFIX = "mlp_"
WORKFLOW = Workflow("password_link", 1, (Step("sent", "authlinc.send_password_link", outside=True),), on_failure="fail")
_GIVE_UP = timedelta(hours=1)
_AGAIN = timedelta(seconds=30)


class _Reader(Struct, frozen=True):
    """Whom a mail is for."""

    organization_id: UUID
    user: Any
    purpose: Purpose


def reset_key(account: bytes) -> str:
    """Return the key of a workflow that looks for the user of an address, and writes to them."""
    return f"reset/{account.hex()}/{ids.new_id().hex}"


def invitation_key(user_id: UUID) -> str:
    """Return the key of a workflow that writes to a user."""
    return f"invitation/{user_id.hex}/{ids.new_id().hex}"


async def send_password_link(ctx: Context, step: StepInput) -> StepDone:
    """Send the mail of a link; without a user for it, do nothing."""
    mail = require_mail(ctx)
    reader = await _reader(ctx, step)
    if reader is None:
        return StepDone("nobody")
    link_id = UUID(hex=step.key.rpartition("/")[2])
    token = await _new_token(ctx, reader, link_id)
    if token is None:
        return StepDone("sent before")
    try:
        await deliver(mail, compose(_letter(ctx, mail, reader, token)))
    except MailRefused:
        return StepDone("refused by the mail server")
    except MailAway as fault:
        if ctx.step is not None and ctx.step.now - ctx.step.started_at > _GIVE_UP:
            return StepDone("given up")
        raise Retry(f"the mail server is away: {fault}", _AGAIN) from None
    async with ctx.transaction(frozenset({reader.organization_id})) as transaction:
        await transaction.execute(links.LINK_IS_SENT, reader.organization_id, link_id, ctx.clock.now())
    return StepDone("sent")


async def forget_mails(ctx: Context) -> None:
    """Delete the counts of mails that no longer count."""
    async with ctx.transaction() as transaction:
        await transaction.execute(links.FORGET_MAILS, ctx.clock.now() - _GIVE_UP)


async def _reader(ctx: Context, step: StepInput) -> _Reader | None:
    kind, whose, _ = step.key.split("/")
    if kind == "invitation":
        home, user_id = step.organization_id, UUID(hex=whose)
    else:
        async with ctx.transaction() as transaction:
            found = await transaction.fetchrow(queries.FIND_LOGIN, bytes.fromhex(whose))
        if bar(found):
            return None
        home, user_id = found["organization_id"], found["id"]
    async with ctx.transaction(frozenset({home})) as transaction:
        user = await transaction.fetchrow(queries.LOCK_USER, home, user_id)
    if bar(user):
        return None
    return _Reader(home, user, "invitation" if kind == "invitation" else "reset")


async def _new_token(ctx: Context, reader: _Reader, link_id: UUID) -> str | None:
    """Make the link's token, so that every other link of the user is void; None where the mail was sent before."""
    home, user, now = reader.organization_id, reader.user, ctx.clock.now()
    token = opaque.new_token(PREFIX, home)
    ends = now + _life(ctx.config.mail, reader.purpose)
    async with ctx.transaction(frozenset({home})) as transaction:
        put = await transaction.fetchval(
            links.PUT_LINK,
            home,
            link_id,
            user["id"],
            reader.purpose,
            opaque.digest(token),
            password_mark(user),
            now,
            ends,
        )
        if put is None:
            return None
        await transaction.execute(links.VOID_LINKS, home, user["id"], now, link_id)
    return token


def _letter(ctx: Context, mail: Mail, reader: _Reader, token: str) -> Letter:
    user = reader.user
    return Letter(
        purpose=reader.purpose,
        sender=mail.sender,
        recipient=emails.open_email(ctx, reader.organization_id, user["id"], user["email"]),
        name=user["name"],
        name_ar=user["name_ar"],
        # Behind the sign that browsers keep to themselves: a token in a path or query would stand in logs.
        link=f"{ctx.settings.http.public_url}{mail.page}#{token}",
        life=f"{mail.reset_minutes} minutes" if reader.purpose == "reset" else f"{mail.invitation_hours} hours",
        life_ar=f"{mail.reset_minutes} دقيقة" if reader.purpose == "reset" else f"{mail.invitation_hours} ساعة",
    )


def _life(mail: Mail, purpose: Purpose) -> timedelta:
    return timedelta(minutes=mail.reset_minutes) if purpose == "reset" else timedelta(hours=mail.invitation_hours)
