"""One call of a tool: the same rights, exact input and words for faults as over REST, and an audit row of its own."""

from dataclasses import dataclass
from typing import Any

import msgspec

from masterlinc.context import Context
from masterlinc.errors import Forbidden, Invalid
from masterlinc.http.problems import as_domain_error, body
from masterlinc.observe.logs import logger
from masterlinc.tools.catalogue import Tool
from masterlinc.wire import decode, dump

_OURS = 500  # statuses from here on are faults of ours
_OUTCOMES = {"": "ok", Forbidden.code: "refused"}


@dataclass(frozen=True)
class Called:
    """What a call answers, as JSON text and parsed; `error` is empty where it went well, else the code of the fault."""

    text: str
    tree: Any = None
    error: str = ""


async def call(ctx: Context, tool: Tool, arguments: bytes) -> Called:
    """Run the tool for its caller; never raises. What could not be audited is not answered."""
    try:
        called = await _run(ctx, tool, arguments)
        await _audit(ctx, tool.name, called.error)
    except Exception as fault:  # noqa: BLE001 - the caller gets words for any fault, and nothing of the inside
        return _refused(ctx, tool, fault)
    return called


async def _run(ctx: Context, tool: Tool, arguments: bytes) -> Called:
    try:
        ctx.principal.require(tool.task.permission)
        request = decode(arguments, tool.task.request)
        return _answered(dump(await ctx.for_agent(tool.agent).run_task(tool.task, request)))
    except Exception as fault:  # noqa: BLE001 - as above; it is audited like what went well
        return _refused(ctx, tool, fault)


def _answered(text: str) -> Called:
    try:
        return Called(text, msgspec.json.decode(text))
    except msgspec.DecodeError:  # echoed as it was written, and beyond what a reader of the answer can hold
        detail, detail_ar = "The answer holds a number that is out of range", "تحتوي الإجابة على رقم خارج النطاق"
        raise Invalid(detail, detail_ar) from None


def _refused(ctx: Context, tool: Tool, fault: Exception) -> Called:
    error = as_domain_error(fault)
    if error.status >= _OURS:
        logger.fault("tool failed", fault, task=f"{tool.agent}.{tool.task.label}", trace_id=ctx.trace_id)
    return Called(dump(body(error, ctx.trace_id, ctx.language)), error=error.code)


async def audit_unknown(ctx: Context) -> None:
    """Leave a row of a call of what is no tool; its name is the caller's text, and is not kept."""
    await _audit(ctx, "", "unknown-tool")


async def _audit(ctx: Context, name: str, error: str) -> None:
    detail = {"code": error} if error else {}
    async with ctx.transaction() as tx:
        tx.audit(
            "tool.call",
            "tool",
            name,
            organization_id=ctx.principal.organization_id,
            outcome=_OUTCOMES.get(error, "failed"),
            detail=detail,
        )
