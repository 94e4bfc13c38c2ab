"""Running any agent's task."""

from typing import Any

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from masterlinc.agent import Task
from masterlinc.context import Context
from masterlinc.errors import FieldError, Malformed
from masterlinc.registry import Registry
from masterlinc.wire import decode, encode


class Executed(Struct):
    """What a task answered."""

    status: str
    task: str
    result: Any


@post("/execute", opt={"permission": "task:execute"}, status_code=200, summary="Run a task of an agent")
async def execute(data: JSONBody[dict[str, Any]], ctx: NamedDependency[Context]) -> Executed:
    """Run the task that `task` names with `input`; the first system's `type` is taken for `task`."""
    name = data.get("task") or data.get("type")
    agent, task = _offered(ctx.services.registry, ctx, name)
    ctx.principal.require(task.permission)
    request = decode(encode(data.get("input") or {}), task.request)
    answer = await ctx.for_agent(agent).run_task(task, request)
    return Executed("completed", f"{agent}.{task.label}", answer)


def _offered(registry: Registry, ctx: Context, name: object) -> tuple[str, Task]:
    found = registry.tasks.get(name) if isinstance(name, str) else None
    if found is not None and found[1].permission:
        return found
    offered = sorted(
        full for full, (_, task) in registry.tasks.items() if task.permission and ctx.principal.may(task.permission)
    )
    raise Malformed(
        f"there is no such task; you may run: {', '.join(offered) or 'none'}",
        f"لا توجد مهمة بهذا الاسم؛ المهام المتاحة لك: {'، '.join(offered) or 'لا شيء'}",
        errors=[FieldError("task", "unknown-task", "there is no such task", "لا توجد مهمة بهذا الاسم")],
    )
