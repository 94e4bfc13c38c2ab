"""The routes of this agent: one module a subject."""

from litestar import Router

from authlinc.routes import account, factors, organizations, session, users

routers = [
    Router("/auth", route_handlers=[*session.HANDLERS, *account.HANDLERS, *factors.HANDLERS]),
    Router("/", route_handlers=[*users.HANDLERS, *organizations.HANDLERS]),
]
root_routers = [Router("/", route_handlers=[session.key_set])]
