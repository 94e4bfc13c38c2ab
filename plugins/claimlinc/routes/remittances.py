"""Remittances, bank lines and ageing over HTTP."""

from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from claimlinc.remittance_schemas import (
    Ageing,
    BankFile,
    Imported,
    Matched,
    MatchForm,
    ReconciledRemittance,
    Reconciliation,
    RemittanceDetail,
    RemittancePage,
)
from claimlinc.service import ageing, banking, matching, remitting
from masterlinc.context import Context
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent

_READ, _MATCH = {"permission": "remittance:read"}, {"permission": "remittance:match"}


@get("/remittances", opt=_READ, summary="List remittances")
async def list_remittances(
    ctx: NamedDependency[Context], page: FromQuery[int] = 1, page_size: FromQuery[int] = 20
) -> RemittancePage:
    """Return what payers sent to the provider, the newest first."""
    wanted = paging.page(page, page_size)
    return await remitting.list_remittances(ctx, page, wanted.limit, wanted.offset)


@get("/remittances/{remittance:str}", opt=_READ, summary="Show a remittance")
async def get_remittance(ctx: NamedDependency[Context], remittance: FromPath[str]) -> RemittanceDetail:
    """Return a remittance advice: per claim and line what was paid, adjusted and denied."""
    return await remitting.show(ctx, remittance)


@get(
    "/remittances/{remittance:str}/csv",
    opt=_READ,
    summary="Download a remittance",
    media_type="text/csv",
    responses={200: ResponseSpec(bytes, description="A row for each line", media_type="text/csv")},
)
async def download_remittance(ctx: NamedDependency[Context], remittance: FromPath[str]) -> Response[bytes]:
    """Return a remittance advice as CSV in UTF-8."""
    body = await remitting.download(ctx, remittance)
    name = f'attachment; filename="{remittance}.csv"'
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})


@post(
    "/bank-lines",
    opt=_MATCH,
    summary="Import bank lines",
    operation_class=Keyed,
    responses={201: ResponseSpec(Imported, description="What was added", generate_examples=False)},
)
async def import_bank_lines(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[BankFile]
) -> Response[bytes]:
    """Add the lines of a bank statement that are not known, all or none, and match them."""
    return await idempotent(ctx, request, lambda: banking.bring_in(ctx, data))


@get("/reconciliation", opt=_READ, summary="Remittances, bank lines and claims side by side")
async def get_reconciliation(ctx: NamedDependency[Context]) -> Reconciliation:
    """Return what came for each remittance, what nothing explains, and claims that were paid otherwise."""
    return await matching.reconcile(ctx)


@post(
    "/reconciliation/match",
    opt=_MATCH,
    summary="Match what belongs together",
    operation_class=Keyed,
    status_code=200,
    responses={200: ResponseSpec(Matched, description="How many lines found theirs", generate_examples=False)},
)
async def run_matching(ctx: NamedDependency[Context], request: Request[Any, Any, Any]) -> Response[bytes]:
    """Match bank lines that name their remittance, or are alone with its amount."""
    return await idempotent(ctx, request, lambda: matching.run(ctx), status=200)


@post(
    "/remittances/{remittance:str}/matches",
    opt=_MATCH,
    summary="Match a bank line by hand",
    operation_class=Keyed,
    responses={201: ResponseSpec(ReconciledRemittance, description="How it stands now", generate_examples=False)},
)
async def match_bank_line(
    ctx: NamedDependency[Context],
    request: Request[Any, Any, Any],
    remittance: FromPath[str],
    data: JSONBody[MatchForm],
) -> Response[bytes]:
    """Say that a bank line pays a remittance, in full or in part."""
    return await idempotent(ctx, request, lambda: matching.match(ctx, remittance, data))


@delete("/bank-lines/{line:str}/match", opt=_MATCH, summary="End a match")
async def unmatch_bank_line(ctx: NamedDependency[Context], line: FromPath[str]) -> None:
    """Say that a bank line does not pay the remittance that it is matched with."""
    await matching.unmatch(ctx, line)


@get("/ageing", opt={"permission": "ageing:read"}, summary="How long claims wait")
async def get_ageing(
    ctx: NamedDependency[Context],
    counted_from: FromQuery[str] = "submission",
    as_of: FromQuery[str | None] = None,
) -> Ageing:
    """Return claims by provider, payer, what they wait for and days, and which are beyond the clock."""
    return await ageing.show(ctx, counted_from, as_of)


REMITTANCE_ROUTES = [
    list_remittances,
    get_remittance,
    download_remittance,
    import_bank_lines,
    get_reconciliation,
    run_matching,
    match_bank_line,
    unmatch_bank_line,
    get_ageing,
]
