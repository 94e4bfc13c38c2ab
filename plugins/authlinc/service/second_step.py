"""Whether a sign-in needs a second step; where it does, a challenge stands for what was proven so far."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from authlinc import factor_queries as queries
from authlinc.errors import EnrolmentRequired, SecondFactorRequired
from authlinc.service import factors, opaque
from authlinc.service.defence import Attempt
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import Unauthenticated

PREFIX = "mlc_"
CODE = "code"  # what has to be among the proofs of who has a second factor, or has to have one
_LIFE = timedelta(minutes=5)


async def demand(
    ctx: Context, transaction: Transaction, user: Any, proven: Iterable[str], attempt: Attempt | None
) -> Unauthenticated | None:
    """Return the answer that asks for the second step, its challenge written; None where no step is missing.

    The try of the first step is taken back, not forgotten: wrong codes go on counting, however often the password is
    shown, and the owner's own first step is not what makes the second one wait.
    """
    proofs = sorted(proven)
    if CODE in proofs:
        return None
    home, user_id = user["organization_id"], user["id"]
    holder = await factors.load_holder(transaction, home, user_id)
    enrolled = holder["confirmed_at"] is not None
    if not enrolled and not factors.required(ctx, tuple(holder["roles"])):
        return None
    if attempt is not None:
        await transaction.execute(queries.TAKE_BACK_TRY, attempt.bucket)
    token, now = opaque.new_token(PREFIX, home), ctx.clock.now()
    await transaction.execute(
        queries.ADD_CHALLENGE,
        home,
        opaque.digest(token),
        user_id,
        "verify" if enrolled else "enrol",
        proofs,
        password_mark(holder),
        now + _LIFE,
        now,
    )
    kind = SecondFactorRequired if enrolled else EnrolmentRequired
    return kind(extra={"challenge": token, "expires_in": int(_LIFE.total_seconds())})


def password_mark(holder: Any) -> bytes:
    """Return what tells that a user's password is still the one that it was."""
    return hashlib.sha256((holder["password_hash"] or "").encode()).digest()
