from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0002_second_factor"
VERSION = "1.38.0"
DESCRIPTION = "Second factors with their recovery codes, and the challenges of a sign-in that waits for one"

SQL = f"""
-- One authenticator a user. `last_step` is the newest time step whose code was taken: it only grows, so none is taken twice.
CREATE TABLE authlinc.second_factor (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL CHECK (last_step >= 0),
    PRIMARY KEY (organization_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES authlinc.user_account ON DELETE RESTRICT
);
{
    tenant_table_policy(
        "authlinc.second_factor",
        grants="SELECT, INSERT, DELETE, UPDATE (secret, created_at, confirmed_at, last_step)",
    )
}

CREATE TABLE authlinc.recovery_code (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (organization_id, user_id, code_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES authlinc.user_account ON DELETE RESTRICT
);
{tenant_table_policy("authlinc.recovery_code", grants="SELECT, INSERT, DELETE, UPDATE (used_at)")}

-- The first factor was right, and the second is asked for: `verify` an own one, or `enrol` where the role asks for one.
-- `password_mark` is a digest of the password's hash: a challenge dies with the password that it was given for.
CREATE TABLE authlinc.login_challenge (
    organization_id uuid NOT NULL,
    challenge_hash bytea NOT NULL CHECK (length(challenge_hash) = 32),
    user_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('verify', 'enrol')),
    proven text[] NOT NULL CHECK (cardinality(proven) BETWEEN 1 AND 8),
    password_mark bytea NOT NULL CHECK (length(password_mark) = 32),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (organization_id, challenge_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES authlinc.user_account ON DELETE RESTRICT
);
CREATE INDEX login_challenge_user ON authlinc.login_challenge (organization_id, user_id);
{tenant_table_policy("authlinc.login_challenge", grants="SELECT, INSERT, DELETE, UPDATE (used_at)")}

ALTER TABLE authlinc.session
    DROP CONSTRAINT session_ended_why_check,
    ADD CONSTRAINT session_ended_why_check CHECK (ended_why IN (
        'logout', 'reuse', 'disabled', 'limit', 'closed', 'admin', 'password'));
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
