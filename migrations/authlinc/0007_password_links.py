from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0007_password_links"
VERSION = "1.38.0"
DESCRIPTION = "Links by which a user chooses a password, and how many mails an address was sent lately"

SQL = f"""
-- A row is the intent to send a link; its token is made when the mail is sent, and made anew when it is sent again.
-- `password_mark` is a digest of the password's hash: a link dies with the password that it was asked for.
CREATE TABLE authlinc.password_link (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('invitation', 'reset')),
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    password_mark bytea NOT NULL CHECK (length(password_mark) = 32),
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > made_at),
    sent_at timestamptz,
    used_at timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, token_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES authlinc.user_account ON DELETE RESTRICT
);
CREATE INDEX password_link_user ON authlinc.password_link (organization_id, user_id);
{
    tenant_table_policy(
        "authlinc.password_link",
        grants="SELECT, INSERT, UPDATE (token_hash, password_mark, made_at, expires_at, sent_at, used_at)",
    )
}

-- Counted by the blind key of the address that was typed, known or not, so that both are treated alike.
CREATE TABLE authlinc.mail_count (
    account bytea PRIMARY KEY CHECK (length(account) = 16),
    mails int NOT NULL CHECK (mails > 0),
    since timestamptz NOT NULL
);
CREATE INDEX mail_count_age ON authlinc.mail_count (since);
GRANT SELECT, INSERT, UPDATE, DELETE ON authlinc.mail_count TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("authlinc", ID, DESCRIPTION, SQL)
