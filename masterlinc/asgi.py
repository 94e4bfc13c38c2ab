"""The application of `masterlinc serve`: every worker of the server builds one from the settings."""

from litestar import Litestar

from masterlinc.app import create_app
from masterlinc.observe.logs import configure
from masterlinc.registry import assemble, discover
from masterlinc.runtime import settle
from masterlinc.server import drain_when_told
from masterlinc.settings import load


def application() -> Litestar:
    """Build the application from `config/*.toml` and the environment; raises StartupError."""
    configure()
    settings = load()
    configure(settings.process.log_level)
    app = create_app(settings, assemble(settings, *discover()))
    app.on_startup += [settle, lambda: drain_when_told(app.state.drain)]
    return app
