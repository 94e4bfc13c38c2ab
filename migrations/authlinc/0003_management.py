from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration

ID = "0003_management"
VERSION = "1.38.0"
DESCRIPTION = "Managing users and organizations; why sessions end and how they began; where wrong tries come from"

_OWN = "id = ANY ((SELECT masterlinc.orgs())::uuid[])"

SQL = f"""
-- Everyone reads the directory; only who acts in an organization's scope changes its rows.
ALTER TABLE authlinc.organization ADD COLUMN disabled_at timestamptz;
CREATE POLICY authlinc_organization_own ON authlinc.organization AS RESTRICTIVE FOR UPDATE USING ({_OWN});
GRANT UPDATE (name, name_ar, disabled_at) ON authlinc.organization TO masterlinc_app;
CREATE POLICY authlinc_organization_license_own ON authlinc.organization_license
    AS RESTRICTIVE FOR DELETE USING ({TENANT});
GRANT DELETE ON authlinc.organization_license TO masterlinc_app;

-- Nobody but its owner chooses a password: until then there is none.
ALTER TABLE authlinc.user_account ALTER COLUMN password_hash DROP NOT NULL;
GRANT UPDATE (name, name_ar, roles) ON authlinc.user_account TO masterlinc_app;

-- What a user recognizes a session by. Empty: it was opened before this was written down.
ALTER TABLE authlinc.session
    ADD COLUMN opened_by text CHECK (length(opened_by) BETWEEN 1 AND 60),
    ADD COLUMN address text CHECK (length(address) <= 64),
    ADD COLUMN refreshed_at timestamptz,
    DROP CONSTRAINT session_ended_why_check,
    ADD CONSTRAINT session_ended_why_check CHECK (ended_why IN (
        'logout', 'reuse', 'disabled', 'limit', 'closed', 'admin', 'password', 'roles'));
GRANT UPDATE (refreshed_at) ON authlinc.session TO masterlinc_app;

-- Which accounts were tried from a network, or with one password, lately. Both are blind keys, and of a password only
-- sixteen bits: enough to see one password go round, too few to say which it is. Holds no address and no organization.
CREATE TABLE authlinc.login_spread (
    source bytea NOT NULL CHECK (length(source) = 16),
    account bytea NOT NULL CHECK (length(account) = 16),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (source, account)
);
CREATE INDEX login_spread_age ON authlinc.login_spread (last_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON authlinc.login_spread TO masterlinc_app;

DROP FUNCTION authlinc.find_login(bytea);
CREATE FUNCTION authlinc.find_login(wanted bytea)
RETURNS TABLE (
    organization_id uuid, id uuid, email bytea, password_hash text, roles text[], disabled_at timestamptz,
    organization_disabled_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT u.organization_id, u.id, u.email, u.password_hash, u.roles, u.disabled_at, o.disabled_at
    FROM authlinc.user_account u JOIN authlinc.organization o ON o.id = u.organization_id WHERE u.email_index = wanted
$$;
REVOKE ALL ON FUNCTION authlinc.find_login(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authlinc.find_login(bytea) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
