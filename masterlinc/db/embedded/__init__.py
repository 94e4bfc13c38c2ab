"""An embedded PostgreSQL for one machine."""

from masterlinc.db.embedded.roles import APP, DATABASE, OWNER, ensure_database
from masterlinc.db.embedded.server import EmbeddedPostgres

__all__ = ["APP", "DATABASE", "OWNER", "EmbeddedPostgres", "ensure_database"]
