"""Signing in with a password: one answer and one duration for every way that it can fail."""

from authlinc import queries
from authlinc.errors import LoginRefused
from authlinc.service import defence, emails
from authlinc.service.entry import Password, Person, Proof, bar, enter
from authlinc.service.sessions import Tokens
from authlinc.service.state import state_of
from masterlinc.context import Context
from masterlinc.security.passwords import normalize


async def login(ctx: Context, email: str, password: str, device: str | None = None) -> Tokens:
    """Open a session; raises Invalid, LoginRefused, LoginPaused, or Unavailable when too many sign in at once.

    No more tries are under way at once in a process than passwords are hashed at once, so the owner's own parallel
    logins are not taken for wrong ones.
    """
    passwords = state_of(ctx).passwords
    folded, _ = emails.fold_email(email), normalize(password)
    account = emails.email_index(ctx, folded)
    async with passwords.admitted():
        attempt = await defence.count(ctx, account, device=device)
        async with ctx.transaction(read_only=True) as transaction:
            user = await transaction.fetchrow(queries.FIND_LOGIN, account)
        verdict = await passwords.check(user["password_hash"] if user else None, password)
        if user is None or not verdict.fits or bar(user):
            known = None if user is None else defence.Known(user["organization_id"], user["id"])
            reason = "password" if user is not None and not verdict.fits else bar(user)
            await defence.refused(ctx, attempt, known, reason, password=password)
            raise LoginRefused
        fitting = Password(user["password_hash"], await passwords.hash(password) if verdict.outdated else None)
        person = Person(user["organization_id"], user["id"])
        return await enter(ctx, person, frozenset({Proof.PASSWORD}), attempt=attempt, password=fitting)
