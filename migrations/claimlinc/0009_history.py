"""What a payer decided of a member, line by line, as the edits of the next claim look at it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0009"
VERSION = "1.38.0"
DESCRIPTION = "past lines of members"

SQL = """
CREATE TABLE claimlinc.past_line (
    organization_id uuid NOT NULL,  -- the payer
    decision_id uuid NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    member_id uuid NOT NULL,
    service_date date NOT NULL,
    provider_organization_id uuid,
    claim_system text NOT NULL,
    claim text NOT NULL,  -- the provider's number
    systems text[] NOT NULL,
    codes text[] NOT NULL,
    benefit text NOT NULL,
    quantity numeric(13, 4) NOT NULL CHECK (quantity >= 0 AND quantity < 1e9),
    outcome text NOT NULL CHECK (outcome IN ('approved', 'partial', 'rejected', 'pended')),
    body_site text,
    surfaces text[] NOT NULL,
    practitioner text,
    diagnoses text[] NOT NULL,
    days_supply integer CHECK (days_supply > 0),
    PRIMARY KEY (organization_id, decision_id, sequence),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    CONSTRAINT past_line_codings CHECK (cardinality(systems) = cardinality(codes))
);
CREATE INDEX past_line_by_member ON claimlinc.past_line (organization_id, member_id, service_date);

-- A decision whose lines no longer count: it was cancelled, or another took its place.
CREATE TABLE claimlinc.withdrawn_decision (
    organization_id uuid NOT NULL,  -- the payer
    decision_id uuid NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    withdrawn_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, decision_id),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT
);
"""
_POLICIES = tenant_table_policy("claimlinc.past_line") + tenant_table_policy("claimlinc.withdrawn_decision")


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL + _POLICIES)
