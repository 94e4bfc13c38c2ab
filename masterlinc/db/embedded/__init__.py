"""An embedded PostgreSQL for one machine."""

from masterlinc.db.embedded.address import address_in
from masterlinc.db.embedded.roles import APP, DATABASE, OWNER, ensure_database
from masterlinc.db.embedded.server import EmbeddedPostgres

__all__ = ["APP", "DATABASE", "OWNER", "EmbeddedPostgres", "address_in", "ensure_database"]
