from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0002_security"
VERSION = "1.38.0"
DESCRIPTION = "Keys that tokens are verified with, sessions that ended before their tokens"

SQL = """
CREATE TABLE masterlinc.token_key (
    kid text PRIMARY KEY CHECK (length(kid) BETWEEN 16 AND 64),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);

CREATE TABLE masterlinc.revoked_session (
    session_id uuid PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX revoked_session_news ON masterlinc.revoked_session (xid);

GRANT SELECT, INSERT, UPDATE (retired_at) ON masterlinc.token_key TO masterlinc_app;
GRANT SELECT, INSERT, DELETE ON masterlinc.revoked_session TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
