"""MasterLinc's own routes: the agents, running their tasks, workflows and messages."""

from litestar import Router

from masterlinc.agent import Permission
from masterlinc.events import routes as events
from masterlinc.routes.agents import get_agent, list_agents
from masterlinc.routes.delegate import delegate
from masterlinc.routes.execute import execute
from masterlinc.routes.graphs import execute_workflow
from masterlinc.routes.messages import acknowledge_message, get_message, list_messages, route_message
from masterlinc.routes.workflows import (
    cancel_workflow,
    fork_workflow,
    get_timeline,
    get_workflow,
    list_workflows,
    retry_workflow,
    signal_workflow,
)

PERMISSIONS = (
    Permission("agent:read", "See the agents", "عرض الوكلاء"),
    Permission("task:execute", "Run a task of an agent", "تنفيذ مهمة وكيل"),
    Permission("workflow:read", "See workflows", "عرض سير العمل"),
    Permission("workflow:execute", "Run workflows and delegate work", "تشغيل سير العمل وإسناد المهام"),
    Permission("workflow:manage", "Manage the workflows of others", "إدارة سير عمل الآخرين"),
    Permission("message:send", "Send messages to agents", "إرسال الرسائل إلى الوكلاء"),
    Permission("message:read", "Read and acknowledge messages", "قراءة الرسائل وتأكيدها"),
    *events.PERMISSIONS,
)

root_router = Router("/", route_handlers=[execute], tags=["MasterLinc"])
api_router = Router(
    "/",
    route_handlers=[
        list_agents,
        get_agent,
        delegate,
        execute_workflow,
        list_workflows,
        get_workflow,
        get_timeline,
        retry_workflow,
        cancel_workflow,
        signal_workflow,
        fork_workflow,
        route_message,
        list_messages,
        get_message,
        acknowledge_message,
        events.router,
    ],
    tags=["MasterLinc"],
)
