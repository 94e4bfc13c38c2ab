"""MasterLinc's own routes: the agents, running their tasks, workflows and messages."""

from litestar import Router

from masterlinc.agent import Permission
from masterlinc.events import routes as events
from masterlinc.routes.agents import list_agents
from masterlinc.routes.execute import execute

PERMISSIONS = (
    Permission("agent:read", "See the agents", "عرض الوكلاء"),
    Permission("task:execute", "Run a task of an agent", "تنفيذ مهمة وكيل"),
    *events.PERMISSIONS,
)

root_router = Router("/", route_handlers=[execute], tags=["MasterLinc"])
api_router = Router("/", route_handlers=[list_agents, events.router], tags=["MasterLinc"])
