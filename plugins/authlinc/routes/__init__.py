"""The routes of this agent: one module a subject."""

from litestar import Router

from authlinc.routes import (
    account,
    api_keys,
    emergency,
    factors,
    oauth,
    organizations,
    password_links,
    providers,
    session,
    users,
)

_SUBJECTS = (session, account, factors, api_keys, oauth, emergency, password_links, providers)
_AUTH = [handler for subject in _SUBJECTS for handler in subject.HANDLERS]
routers = [
    Router("/auth", route_handlers=_AUTH),
    Router(
        "/",
        route_handlers=[
            *users.HANDLERS,
            *factors.USER_HANDLERS,
            *password_links.USER_HANDLERS,
            *providers.USER_HANDLERS,
            *organizations.HANDLERS,
        ],
    ),
]
root_routers = [Router("/", route_handlers=[session.key_set, oauth.metadata])]
