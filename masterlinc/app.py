"""The only composition root: settings and agents become one ASGI application."""

import importlib.util
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Router
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from masterlinc import __version__, production, routes, runtime
from masterlinc.agent import Agent, Permission
from masterlinc.audit.refusals import noting
from masterlinc.clock import Clock
from masterlinc.context import Context, Services
from masterlinc.errors import StartupError
from masterlinc.events import routes as events
from masterlinc.http import door, install
from masterlinc.http.accept import OTHER_MEDIA
from masterlinc.http.address import client_address, networks
from masterlinc.http.headers import DOCS_POLICY
from masterlinc.http.idempotency import tidied
from masterlinc.http.language import language
from masterlinc.http.limiting import limited
from masterlinc.http.trace import trace_id
from masterlinc.observe import health
from masterlinc.registry import Registry
from masterlinc.security.credentials import Credentials
from masterlinc.security.guards import check_routes, guard
from masterlinc.security.principal import ANONYMOUS
from masterlinc.settings import Settings
from masterlinc.tools import Mounted, mounted

API = "/api/v1"
DOCS_REASON = "the documentation of the API holds nothing secret, and production.toml turns it off"


def create_app(settings: Settings, registry: Registry, *, clock: Clock | None = None) -> Litestar:
    """Build the application; raises StartupError."""
    door.check(settings.http)
    production.check(settings)
    services = runtime.build(settings, registry, clock)
    installed = declared_permissions([*registry.agents, *registry.disabled])
    services.verifier.rbac.check(permission.name for permission in installed)
    monitor = health.Monitor(services)
    tools = mounted(settings, registry)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with runtime.run(services) as dispatcher:
            app.state.dispatcher = dispatcher
            async with health.watch(monitor), tidied(services.db, services.clock):
                yield

    config = AppConfig(
        route_handlers=[*health.handlers(monitor), *_route_handlers(settings, services, registry, tools)],
        guards=[limited(guard(credentials_of(services, registry.agents)), services.limits, settings)],
        lifespan=[lifespan, *tools.lifespans],
        openapi_config=_openapi(registry) if settings.http.docs else None,
    )
    refused = noting(services.refusals, networks(settings.http.trusted_proxies))
    app = Litestar.from_config(install(config, settings.http, refused))
    door.install_door(app, settings.http)
    app.state.services = services
    app.state.drain = services.drain
    check_routes(app, (permission.name for permission in declared_permissions(registry.agents)))
    return app


def declared_permissions(agents: Iterable[Agent]) -> list[Permission]:
    """Return the permissions of the kernel and of these agents."""
    return [*routes.PERMISSIONS, *(permission for agent in agents for permission in agent.permissions)]


def credentials_of(services: Services, agents: Iterable[Agent]) -> Credentials:
    """Return the verifier of our own tokens and of the agents' kinds of credentials; raises StartupError."""
    kinds: dict[str, Any] = {}
    for agent in agents:
        for credential in agent.credentials:
            if any(credential.prefix.startswith(one) or one.startswith(credential.prefix) for one in kinds):
                raise StartupError(f"agent {agent.name}: another kind of credential begins like {credential.prefix}")
            kinds[credential.prefix] = partial(credential.verify, Context(agent.name, services, ANONYMOUS))
    return Credentials(services.verifier, kinds)


def _route_handlers(settings: Settings, services: Services, registry: Registry, tools: Mounted) -> list[Any]:
    kernel = {"ctx": _provide("masterlinc", services)}
    handlers: list[Any] = [
        Router("/", route_handlers=[routes.root_router, *tools.root], dependencies=kernel),
        Router(API, route_handlers=[routes.api_router, *tools.api], dependencies=kernel),
    ]
    for agent in registry.agents:
        if settings.serves(agent.name):
            own = {"ctx": _provide(agent.name, services)}
            handlers.append(Router(API, route_handlers=list(agent.routers), dependencies=own, tags=[agent.title]))
            handlers.append(Router("/", route_handlers=list(agent.root_routers), dependencies=own, tags=[agent.title]))
    if settings.http.docs:
        handlers.append(_docs_assets())
        handlers.append(Router(API, route_handlers=[events.docs_router], dependencies=kernel))
    return handlers


def _provide(agent: str, services: Services) -> Provide:
    trusted = networks(services.settings.http.trusted_proxies)

    async def context(request: Request[Any, Any, Any]) -> Context:
        principal = request.scope.get("user") or ANONYMOUS
        scope = request.scope
        return Context(
            agent,
            services,
            principal,
            trace_id=trace_id(scope),
            language=language(scope),
            address=client_address(scope, trusted),
            purpose=request.route_handler.opt.get("purpose", ""),
        )

    return Provide(context)


def _openapi(registry: Registry) -> OpenAPIConfig:
    assets = f"{API}/docs/assets"
    return OpenAPIConfig(
        title="MASTERLINC",
        version=__version__,
        description="Saudi health insurance, from the visit to the money. Agents: "
        + ", ".join(agent.name for agent in registry.agents),
        path=API,
        render_plugins=[
            SwaggerRenderPlugin(
                path="/docs",
                favicon='<link rel="icon" href="data:,">',  # the default one comes from a CDN
                js_url=f"{assets}/swagger-ui-bundle.js",
                css_url=f"{assets}/swagger-ui.css",
                standalone_preset_js_url=f"{assets}/swagger-ui-standalone-preset.js",
            ),
            JsonRenderPlugin(path="/openapi.json"),
        ],
        openapi_router=_DocsRouter(
            API,
            route_handlers=[],
            opt={"public": DOCS_REASON},
            include_in_schema=False,
            response_headers={"content-security-policy": DOCS_POLICY},
        ),
        security=[{"bearer": []}],
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
    )


class _DocsRouter(Router):
    """The routes of the documentation, without Litestar's page for every path under the API that is no route."""

    def register(self, value: ControllerRouterHandler) -> list[Any]:
        if isinstance(value, HTTPRouteHandler) and "/{path:str}" in value.paths:
            return []
        return super().register(value)


def _docs_assets() -> Router:
    """Serve the page's scripts ourselves: a clinic's network may reach nothing else."""
    spec = importlib.util.find_spec("swagger_ui")
    assert spec is not None and spec.origin is not None, "swagger-ui-py is a pinned dependency"  # noqa: PT018
    return create_static_files_router(
        path=f"{API}/docs/assets",
        directories=[Path(spec.origin).parent / "static"],
        opt={"public": DOCS_REASON, OTHER_MEDIA: True},
        include_in_schema=False,
        name="docs-assets",
    )
