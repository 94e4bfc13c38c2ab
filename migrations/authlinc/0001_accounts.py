from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, schema, tenant_table_policy

ID = "0001_accounts"
VERSION = "1.38.0"
DESCRIPTION = "Organizations and their licences, users, sessions, refresh tokens, signing keys, attempts to sign in"

_OWN = "id = ANY ((SELECT masterlinc.orgs())::uuid[])"

SQL = f"""
{schema("authlinc")}

-- The directory of the exchange: everyone reads it, an organization writes its own rows.
CREATE TABLE authlinc.organization (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('provider', 'payer', 'operator')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_ar text NOT NULL CHECK (length(name_ar) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL
);
{tenant_table_policy("authlinc.organization", using="true", check=_OWN)}

CREATE TABLE authlinc.organization_license (
    organization_id uuid NOT NULL REFERENCES authlinc.organization (id) ON DELETE RESTRICT,
    system text NOT NULL CHECK (length(system) BETWEEN 1 AND 200),
    value text NOT NULL UNIQUE CHECK (length(value) BETWEEN 1 AND 64),
    PRIMARY KEY (organization_id, system, value)
);
{tenant_table_policy("authlinc.organization_license", using="true")}

CREATE TABLE authlinc.user_account (
    organization_id uuid NOT NULL REFERENCES authlinc.organization (id) ON DELETE RESTRICT,
    id uuid NOT NULL,
    email bytea NOT NULL,
    email_index bytea NOT NULL UNIQUE CHECK (length(email_index) = 16),
    password_hash text NOT NULL CHECK (length(password_hash) BETWEEN 60 AND 255),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_ar text NOT NULL CHECK (length(name_ar) BETWEEN 1 AND 200),
    roles text[] NOT NULL CHECK (cardinality(roles) BETWEEN 1 AND 16),
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
{tenant_table_policy("authlinc.user_account", grants="SELECT, INSERT, UPDATE (password_hash, disabled_at)")}

-- A session is the family of its refresh tokens.
CREATE TABLE authlinc.session (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    ended_at timestamptz,
    ended_why text CHECK (ended_why IN ('logout', 'reuse', 'disabled')),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES authlinc.user_account ON DELETE RESTRICT,
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX session_open ON authlinc.session (organization_id, user_id) WHERE ended_at IS NULL;
{tenant_table_policy("authlinc.session", grants="SELECT, INSERT, UPDATE (ended_at, ended_why)")}

CREATE TABLE authlinc.refresh_token (
    organization_id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (organization_id, token_hash),
    FOREIGN KEY (organization_id, session_id) REFERENCES authlinc.session ON DELETE RESTRICT
);
{tenant_table_policy("authlinc.refresh_token", grants="SELECT, INSERT, UPDATE (used_at)")}

-- Counted by the address that was typed, known or not, so that both are treated alike. Holds no address and no organization.
CREATE TABLE authlinc.login_attempt (
    account bytea PRIMARY KEY CHECK (length(account) = 16),
    failed int NOT NULL CHECK (failed > 0),
    paused_until timestamptz,
    last_at timestamptz NOT NULL
);
CREATE INDEX login_attempt_age ON authlinc.login_attempt (last_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON authlinc.login_attempt TO masterlinc_app;

CREATE TABLE authlinc.signing_key (
    kid text PRIMARY KEY,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
GRANT SELECT, INSERT, UPDATE (retired_at) ON authlinc.signing_key TO masterlinc_app;

-- Nobody is signed in yet when a user is looked for, so no organization is in scope: one row, for who knows its exact key.
CREATE FUNCTION authlinc.find_login(wanted bytea)
RETURNS TABLE (organization_id uuid, id uuid, email bytea, password_hash text, roles text[], disabled_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT u.organization_id, u.id, u.email, u.password_hash, u.roles, u.disabled_at
    FROM authlinc.user_account u WHERE u.email_index = wanted
$$;
REVOKE ALL ON FUNCTION authlinc.find_login(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authlinc.find_login(bytea) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
