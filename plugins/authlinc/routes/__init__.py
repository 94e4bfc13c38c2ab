"""The routes of this agent: one module a subject."""

from litestar import Router

from authlinc.routes import factors, session

routers = [Router("/auth", route_handlers=[*session.HANDLERS, *factors.HANDLERS])]
root_routers = [Router("/", route_handlers=[session.key_set])]
