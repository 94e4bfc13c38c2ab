"""Payment batches over HTTP, for the payer."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from claimlinc.payment_schemas import BatchDetail, BatchForm, BatchPage, BatchView, DuePage, SettleForm
from claimlinc.service import paying
from masterlinc.context import Context
from masterlinc.http import paging
from masterlinc.http.idempotency import Keyed, idempotent

_READ, _PREPARE, _APPROVE = ({"permission": f"payment:{act}"} for act in ("read", "prepare", "approve"))
_MOVED = {200: ResponseSpec(BatchView, description="The batch as it is now", generate_examples=False)}


@get("/payments/due", opt=_READ, summary="What is due to each provider")
async def get_due(ctx: NamedDependency[Context]) -> DuePage:
    """Return what is decided and not paid, less what is to be taken back, and in no batch."""
    return await paying.show_due(ctx)


@post(
    "/payments/batches",
    opt=_PREPARE,
    summary="Collect what is due to a provider",
    operation_class=Keyed,
    responses={201: ResponseSpec(BatchDetail, description="The draft", generate_examples=False)},
)
async def prepare_batch(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], data: JSONBody[BatchForm]
) -> Response[bytes]:
    """Make a draft of all that is due to a provider and in no live batch."""
    return await idempotent(ctx, request, lambda: paying.prepare(ctx, data))


@get("/payments/batches", opt=_READ, summary="List payment batches")
async def list_batches(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    status_filter: FromQuery[str | None] = None,
) -> BatchPage:
    """Return the payer's batches, the newest first."""
    wanted = paging.page(page, page_size)
    return await paying.list_batches(ctx, status_filter, page, wanted.limit, wanted.offset)


@get("/payments/batches/{batch:str}", opt=_READ, summary="Show a payment batch")
async def get_batch(ctx: NamedDependency[Context], batch: FromPath[str]) -> BatchDetail:
    """Return a batch with what it pays of each claim."""
    return await paying.show(ctx, batch)


@post(
    "/payments/batches/{batch:str}/approve",
    opt=_APPROVE,
    summary="Approve a payment batch",
    operation_class=Keyed,
    status_code=200,
    responses=_MOVED,
)
async def approve_batch(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], batch: FromPath[str]
) -> Response[bytes]:
    """Approve a draft that another person made."""
    return await idempotent(ctx, request, lambda: paying.approve(ctx, batch), status=200)


@post(
    "/payments/batches/{batch:str}/send",
    opt=_APPROVE,
    summary="Send a payment batch",
    operation_class=Keyed,
    status_code=200,
    responses=_MOVED,
)
async def send_batch(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], batch: FromPath[str]
) -> Response[bytes]:
    """Send an approved batch to its provider, as a remittance advice."""
    return await idempotent(ctx, request, lambda: paying.send(ctx, batch), status=200)


@post(
    "/payments/batches/{batch:str}/settle",
    opt=_APPROVE,
    summary="Note that the bank paid",
    operation_class=Keyed,
    status_code=200,
    responses=_MOVED,
)
async def settle_batch(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], batch: FromPath[str], data: JSONBody[SettleForm]
) -> Response[bytes]:
    """Note the bank's day and number; the provider's claims in the batch become paid."""
    return await idempotent(ctx, request, lambda: paying.settle(ctx, batch, data), status=200)


@post(
    "/payments/batches/{batch:str}/withdraw",
    opt=_PREPARE,
    summary="Give up a payment batch",
    operation_class=Keyed,
    status_code=200,
    responses=_MOVED,
)
async def withdraw_batch(
    ctx: NamedDependency[Context], request: Request[Any, Any, Any], batch: FromPath[str]
) -> Response[bytes]:
    """Give up a batch that is not sent; its claims are due again."""
    return await idempotent(ctx, request, lambda: paying.withdraw(ctx, batch), status=200)


PAYMENT_ROUTES = [
    get_due,
    prepare_batch,
    list_batches,
    get_batch,
    approve_batch,
    send_batch,
    settle_batch,
    withdraw_batch,
]
