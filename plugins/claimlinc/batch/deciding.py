"""Deciding a chunk in one transaction, by the same functions as a single submission."""

from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial

import asyncpg
from msgspec import Struct

from claimlinc.batch.chunks import chunks
from claimlinc.contract import DecidedSubmission, DecideSubmission
from claimlinc.service.checking import check_submission
from claimlinc.service.deciding import Basis, Corrects, begin, finish
from masterlinc.context import Context
from masterlinc.db.abreast import NotAbreast, abreast
from masterlinc.errors import DomainError

CHUNK = 200
_ATTEMPTS = 3
_PASSING = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# What one submission may be the cause of: they are done one by one then, so that it does not take the others with it.
_ALONE = (NotAbreast, DomainError, asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


class Outcome(Struct, frozen=True):
    """A submission with its decision, `kept` where it was decided before, or with why there is none."""

    request: DecideSubmission
    decided: DecidedSubmission | None
    kept: bool = False
    refusal: DomainError | None = None


async def decide_chunks(
    ctx: Context, requests: Iterable[DecideSubmission], size: int = CHUNK
) -> AsyncIterator[list[Outcome]]:
    """Decide submissions of one payer chunk by chunk, a transaction each; what was decided before is answered."""
    for chunk in chunks(requests, size):
        yield await decide_chunk(ctx, chunk)


async def decide_chunk(ctx: Context, requests: Sequence[DecideSubmission]) -> list[Outcome]:
    """Decide submissions of which no two share a claim or a person, side by side, or one by one where that fails."""
    if len(requests) == 1:
        return [await _alone(ctx, requests[0])]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await _side_by_side(ctx, requests)
        except _PASSING:
            if attempt == _ATTEMPTS:
                break
        except _ALONE:
            break
    return [await _alone(ctx, request) for request in requests]


async def _side_by_side(ctx: Context, requests: Sequence[DecideSubmission]) -> list[Outcome]:
    payer = ctx.acting_for(requests[0].payer_organization_id)
    for request in requests:
        check_submission(request.submission, ctx.config.max_lines)
    async with payer.transaction() as tx:
        begun = await abreast(tx, [partial(begin, payer, request=one) for one in requests])
        if any(isinstance(one, Corrects) for one in begun):
            raise NotAbreast("a correction takes back what another claim used before it is decided")
        pairs = [(request, one) for request, one in zip(requests, begun, strict=True) if not isinstance(one, Corrects)]
        bases = [(request, one) for request, one in pairs if isinstance(one, Basis)]
        _check_members([basis for _, basis in bases])
        made = await abreast(tx, [partial(finish, payer, request=request, begun=basis) for request, basis in bases])
    fresh = iter(made)
    return [
        Outcome(request, next(fresh)) if isinstance(one, Basis) else Outcome(request, one, kept=True)
        for request, one in pairs
    ]


def _check_members(bases: Sequence[Basis]) -> None:
    """Raise NotAbreast where two claims are of one person: the second must see what the first one used."""
    known = [basis.facts.terms for basis in bases if basis.facts.terms is not None]
    members = [terms.person_id or terms.member_id for terms in known]
    if len(members) > len(set(members)):
        raise NotAbreast("two claims of one member, who is named differently in them")


async def _alone(ctx: Context, request: DecideSubmission) -> Outcome:
    payer = ctx.acting_for(request.payer_organization_id)
    try:
        check_submission(request.submission, ctx.config.max_lines)
        async with payer.transaction() as tx:
            begun = await begin(payer, tx, request)
            if isinstance(begun, DecidedSubmission):
                return Outcome(request, begun, kept=True)
            return Outcome(request, await finish(payer, tx, request, begun))
    except DomainError as fault:
        return Outcome(request, None, refusal=fault)
