from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, schema, tenant_table_policy

ID = "0001_codes_and_keys"
VERSION = "1.38.0"
DESCRIPTION = "Official codes, codes of facilities, signing keys of organizations"

SQL = (
    schema("sbslinc")
    + """
-- Reference data, the same for everyone: an operator imports it, the application reads it.
CREATE TABLE sbslinc.code (
    system text NOT NULL CHECK (length(system) BETWEEN 1 AND 200),
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 60),
    display text NOT NULL CHECK (length(display) BETWEEN 1 AND 1000),
    display_ar text CHECK (length(display_ar) BETWEEN 1 AND 1000),
    version text NOT NULL CHECK (length(version) BETWEEN 1 AND 60),
    PRIMARY KEY (code, system)
);
GRANT SELECT ON sbslinc.code TO masterlinc_app;

-- What a facility calls a service, and its official code. Rows are only added: the newest of a code is in force.
CREATE TABLE sbslinc.facility_code (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    internal_system text NOT NULL CHECK (length(internal_system) <= 200),
    internal_code text NOT NULL CHECK (length(internal_code) BETWEEN 1 AND 60),
    system text NOT NULL CHECK (length(system) BETWEEN 1 AND 200),
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 60),
    display text CHECK (length(display) BETWEEN 1 AND 1000),
    display_ar text CHECK (length(display_ar) BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX facility_code_by_code ON sbslinc.facility_code (organization_id, internal_code, internal_system, id DESC);

CREATE TABLE sbslinc.signing_key (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    private_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz CHECK (retired_at > created_at),
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX signing_key_in_use ON sbslinc.signing_key (organization_id) WHERE retired_at IS NULL;
"""
    + tenant_table_policy("sbslinc.facility_code")
    + tenant_table_policy("sbslinc.signing_key")
)


async def forwards() -> MigrationManager:
    return migration("sbslinc", ID, DESCRIPTION, SQL)
