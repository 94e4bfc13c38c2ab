"""Agents as tools for AI: safe tasks as tools of an MCP server, and an A2A card for each agent. Off by default."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from masterlinc.errors import StartupError
from masterlinc.registry import Registry
from masterlinc.settings import Settings


class Mounted(NamedTuple):
    """What the application takes in: routes at the root, routes of the API, and what runs as long as it does."""

    root: tuple[Any, ...]
    api: tuple[Any, ...]
    lifespans: tuple[Callable[[Any], AbstractAsyncContextManager[None]], ...]


def mounted(settings: Settings, registry: Registry) -> Mounted:
    """Build the server and its routes, or nothing where tools are off; raises StartupError."""
    if not settings.tools.enabled:
        return Mounted((), (), ())
    if settings.http.production and not settings.tools.url.startswith("https://"):
        raise StartupError(
            "configuration: tools.enabled = true in production needs tools.url, the https:// address that cards name"
        )
    try:
        import mcp as _sdk  # noqa: F401 - heavy, and an extra: it is loaded only where tools are on
    except ImportError:
        raise StartupError(
            "configuration: tools.enabled = true needs the MCP SDK, which is not installed: "
            "make tools, or pip install 'masterlinc[tools]'"
        ) from None
    from masterlinc.tools.catalogue import catalogue
    from masterlinc.tools.routes import api_router, root_router
    from masterlinc.tools.server import ToolServer

    server = ToolServer(catalogue(registry))
    return Mounted((root_router(server),), (api_router(server),), (server.running,))
