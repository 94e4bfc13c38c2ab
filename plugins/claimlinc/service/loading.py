"""Loading a recorded claim with what the workflow's steps added."""

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from claimlinc import queries
from claimlinc.contract import ClaimStatus, Coding, Line, LoadClaim, LoadedClaim
from claimlinc.service.snapshot import unseal, unseal_attachment
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import NotFound


async def load_claim(ctx: Context, request: LoadClaim) -> LoadedClaim:
    """Load a claim of the caller's organization, with its attachments."""
    async with ctx.transaction() as tx:
        return await load(ctx, tx, ctx.principal.organization_id, request.claim_id)


async def load(ctx: Context, tx: Transaction, organization: UUID, claim_id: UUID) -> LoadedClaim:
    """Load a claim of an organization; raises NotFound."""
    row = await queries.own_claim(tx, organization, claim_id)
    if row is None:
        raise NotFound
    snapshot = unseal(ctx.vault, organization, claim_id, row["submission"])
    sealed = await queries.attachments(tx, organization, claim_id)
    submission = replace(
        snapshot.submission,
        attachments=tuple(
            unseal_attachment(ctx.vault, organization, claim_id, one["position"], one["sealed"]) for one in sealed
        ),
    )
    cover = await queries.last_cover(tx, organization, claim_id)
    normalized = await queries.last_normalized(tx, organization, claim_id)
    return LoadedClaim(
        claim_id=claim_id,
        organization_id=organization,
        payer_organization_id=cover["payer_organization_id"] if cover else row["payer_organization_id"],
        status=ClaimStatus(row["status"]),
        submission=submission,
        normalized_lines=_normalized(submission.lines, normalized),
        signature=await queries.last_signature(tx, organization, claim_id),
    )


def _normalized(lines: tuple[Line, ...], rows: list[Any]) -> tuple[Line, ...]:
    """Put the normalised code before the codes that were sent; a code that was not recognised changes nothing."""
    found = {
        row["sequence"]: Coding(row["system"], row["code"], row["display"]) for row in rows if row["source"] != "none"
    }
    return tuple(_with_code(line, found.get(line.sequence)) for line in lines)


def _with_code(line: Line, coding: Coding | None) -> Line:
    if coding is None:
        return line
    others = tuple(one for one in line.codes if (one.system, one.code) != (coding.system, coding.code))
    return replace(line, codes=(coding, *others))
