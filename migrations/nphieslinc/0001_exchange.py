"""Messages of the exchange as they were sent and came, what each claim's exchange has reached, the simulator's memory."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, schema, tenant_table_policy

ID = "0001"
VERSION = "1.38.0"
DESCRIPTION = "messages, exchanges, the simulator's inbox"

# An answer is stored before anything of it is read: its event and ids are filled in afterwards.
_MESSAGE = """
CREATE TABLE nphieslinc.message (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    direction text NOT NULL CHECK (direction IN ('outbound', 'inbound')),  -- to the hub, from the hub
    origin text NOT NULL CHECK (origin IN ('submitted', 'built', 'hub')),
    event text,
    bundle_id text,
    header_id text,
    sender text,
    receiver text,
    identifier_system text,
    identifier_value text,
    claim_id uuid,
    body bytea NOT NULL,  -- sealed: the message byte for byte
    size integer NOT NULL CHECK (size > 0),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    warnings jsonb NOT NULL CHECK (jsonb_typeof(warnings) = 'array'),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT message_of_ours_is_known CHECK (
        direction = 'inbound' OR (event IS NOT NULL AND bundle_id IS NOT NULL AND header_id IS NOT NULL)
    )
);
CREATE UNIQUE INDEX message_bundle ON nphieslinc.message (organization_id, bundle_id) WHERE direction = 'outbound';
CREATE UNIQUE INDEX message_header ON nphieslinc.message (organization_id, header_id) WHERE direction = 'outbound';
CREATE INDEX message_claim ON nphieslinc.message (organization_id, claim_id) WHERE claim_id IS NOT NULL;
"""

_EXCHANGE = """
CREATE TABLE nphieslinc.exchange (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    claim_id uuid NOT NULL,
    request_message_id uuid NOT NULL,
    answer_message_id uuid,
    state text NOT NULL CHECK (state IN ('intended', 'sent', 'answered')),
    attempts integer NOT NULL CHECK (attempts >= 0),
    error text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    answered_at timestamptz,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT exchange_claim UNIQUE (organization_id, claim_id),
    CONSTRAINT exchange_answered CHECK ((state = 'answered') = (answer_message_id IS NOT NULL)),
    FOREIGN KEY (organization_id, request_message_id) REFERENCES nphieslinc.message ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, answer_message_id) REFERENCES nphieslinc.message ON DELETE RESTRICT
);
"""

# The hub is no tenant, and its memory is nobody's to read: its rows belong to an organization of its own, which no
# principal has, so row-level security closes the table to everyone but the simulator.
_INBOX = """
CREATE TABLE nphieslinc.simulator_inbox (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    sender text NOT NULL,
    bundle_id text NOT NULL,
    header_id text NOT NULL,
    identifier_system text NOT NULL,
    identifier_value text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    answer bytea NOT NULL,  -- sealed
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT inbox_bundle UNIQUE (organization_id, sender, bundle_id),
    CONSTRAINT inbox_header UNIQUE (organization_id, sender, header_id),
    CONSTRAINT inbox_identifier UNIQUE (organization_id, sender, identifier_system, identifier_value)
);
"""

_GRANTS = """
GRANT UPDATE (event, bundle_id, header_id, sender, receiver, claim_id) ON nphieslinc.message TO masterlinc_app;
GRANT UPDATE (state, attempts, error, sent_at, answered_at, answer_message_id) ON nphieslinc.exchange TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    tables = ("message", "exchange", "simulator_inbox")
    policies = "".join(tenant_table_policy(f"nphieslinc.{name}") for name in tables)
    sql = schema("nphieslinc") + _MESSAGE + _EXCHANGE + _INBOX + policies + _GRANTS
    return migration("nphieslinc", ID, DESCRIPTION, sql)
