from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0009_data_keys"
VERSION = "1.38.0"
DESCRIPTION = "Keys of sealed values, wrapped by the master key"

SQL = """
-- What was sealed before has no key here, and nothing of it was ever released.
DO $$ BEGIN
    IF EXISTS (SELECT FROM masterlinc.token_key) OR EXISTS (SELECT FROM masterlinc.workflow) THEN
        RAISE EXCEPTION 'this database was filled by a version before 0.1.0, whose sealed values this one cannot open:'
            ' begin with a new data folder, or with an empty database';
    END IF;
END $$;

-- Without the master key a row says nothing. A row whose key was destroyed stays, so that every process learns of it.
CREATE TABLE masterlinc.data_key (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    wrapped bytea CHECK (length(wrapped) = 60),
    master_id text NOT NULL CHECK (master_id ~ '^[0-9a-f]{16}$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    used_from timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    destroyed_at timestamptz,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT data_key_destroyed_is_gone CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CONSTRAINT data_key_retired_after_use CHECK (retired_at >= used_from),
    CONSTRAINT data_key_destroyed_after_retired CHECK (destroyed_at >= retired_at)
);
CREATE INDEX data_key_news ON masterlinc.data_key (xid);
CREATE INDEX data_key_of_organization ON masterlinc.data_key (organization_id, used_from);

CREATE TABLE masterlinc.blind_key (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    wrapped bytea NOT NULL CHECK (length(wrapped) = 60),
    master_id text NOT NULL CHECK (master_id ~ '^[0-9a-f]{16}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Who serves makes keys and reads them. Wrapping them anew, retiring and destroying them is the owner's.
GRANT SELECT, INSERT (id, organization_id, wrapped, master_id) ON masterlinc.data_key TO masterlinc_app;
GRANT SELECT, INSERT (wrapped, master_id) ON masterlinc.blind_key TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
