"""The routes of this agent: one module a subject."""

from litestar import Router

from authlinc.routes import account, api_keys, emergency, factors, oauth, organizations, session, users

_AUTH = [handler for subject in (session, account, factors, api_keys, oauth, emergency) for handler in subject.HANDLERS]
routers = [
    Router("/auth", route_handlers=_AUTH),
    Router("/", route_handlers=[*users.HANDLERS, *factors.USER_HANDLERS, *organizations.HANDLERS]),
]
root_routers = [Router("/", route_handlers=[session.key_set, oauth.metadata])]
