"""A payer's decisions: append-only, each submission decided once under number 1."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration, tenant_table_policy

ID = "0002"
VERSION = "1.38.0"
DESCRIPTION = "decisions"


def _amount(name: str) -> str:
    return f"{name} numeric(14, 2) NOT NULL CHECK ({name} >= 0 AND {name} < 1e12)"


_AMOUNTS = ",\n    ".join(
    _amount(name)
    for name in ("billed", "allowed", "deductible", "copay", "tax", "payer_tax", "payer_share", "patient_share")
)

_DECISIONS = f"""
CREATE TABLE claimlinc.decision (
    organization_id uuid NOT NULL,  -- the payer
    id uuid NOT NULL,
    provider_organization_id uuid,
    provider_license text NOT NULL,  -- '' where the submission names none
    identifier_system text NOT NULL,
    identifier_value text NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    use text NOT NULL CHECK (use IN ('claim', 'preauthorization')),
    member_id uuid,
    policy_id uuid,
    service_date date NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('approved', 'partial', 'rejected', 'pended')),
    {_AMOUNTS},
    disposition text NOT NULL,
    disposition_ar text NOT NULL,
    rules_version text NOT NULL,
    preauth_ref text,
    trace jsonb NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT decision_business_key UNIQUE (organization_id, provider_license, identifier_system, identifier_value, number),
    CONSTRAINT decision_shares CHECK (payer_share + patient_share = allowed + tax)
);
CREATE INDEX decision_by_provider ON claimlinc.decision (provider_organization_id, id) WHERE provider_organization_id IS NOT NULL;
CREATE INDEX decision_by_member ON claimlinc.decision (organization_id, member_id, service_date);

-- What it was decided on: all that a replay needs. The payer's alone, since the terms tell a member's balances.
CREATE TABLE claimlinc.decision_basis (
    organization_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    terms jsonb,  -- null where no member was found
    submission bytea NOT NULL,  -- sealed
    PRIMARY KEY (organization_id, decision_id),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT
);

CREATE TABLE claimlinc.decision_line (
    organization_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    provider_organization_id uuid,
    sequence integer NOT NULL CHECK (sequence > 0),
    outcome text NOT NULL CHECK (outcome IN ('approved', 'partial', 'rejected', 'pended')),
    benefit text NOT NULL,
    {_AMOUNTS},
    approved_quantity numeric(13, 4) NOT NULL CHECK (approved_quantity >= 0 AND approved_quantity < 1e9),
    denial_code text,
    reason text NOT NULL CHECK (reason <> ''),
    reason_ar text NOT NULL CHECK (reason_ar <> ''),
    trace jsonb NOT NULL,
    PRIMARY KEY (organization_id, decision_id, sequence),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    CONSTRAINT decision_line_shares CHECK (payer_share + patient_share = allowed + tax),
    CONSTRAINT decision_line_denial CHECK (outcome NOT IN ('rejected', 'partial') OR denial_code IS NOT NULL)
);
"""

_BOTH_SIDES = f"{TENANT} OR provider_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[])"
_POLICIES = (
    tenant_table_policy("claimlinc.decision", using=_BOTH_SIDES, check=TENANT)
    + tenant_table_policy("claimlinc.decision_line", using=_BOTH_SIDES, check=TENANT)
    + tenant_table_policy("claimlinc.decision_basis")
)


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, _DECISIONS + _POLICIES)
