"""The ledger of benefit use: append-only entries, once for each decision, and the balances kept beside them."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, partitioned, tenant_table_policy

ID = "0002"
VERSION = "1.38.0"
DESCRIPTION = "benefit ledger"

_LEDGER = """
-- One row for each posting of a decision: the unique key that a partitioned ledger cannot carry itself.
CREATE TABLE policylinc.posting (
    organization_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('use', 'reversal')),
    member_id uuid NOT NULL,
    policy_year date NOT NULL,
    entries integer NOT NULL CHECK (entries >= 0),
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, decision_id, kind),
    FOREIGN KEY (organization_id, member_id) REFERENCES policylinc.member ON DELETE RESTRICT
);

CREATE TABLE policylinc.benefit_entry (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    decision_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('use', 'reversal')),
    member_id uuid NOT NULL,
    policy_year date NOT NULL,
    benefit text NOT NULL,
    amount numeric(14, 2) NOT NULL CHECK (abs(amount) < 1e12),
    deductible numeric(14, 2) NOT NULL CHECK (abs(deductible) < 1e12),
    PRIMARY KEY (organization_id, id),
    CHECK (CASE kind WHEN 'use' THEN amount >= 0 AND deductible >= 0 ELSE amount <= 0 AND deductible <= 0 END),
    FOREIGN KEY (organization_id, decision_id, kind) REFERENCES policylinc.posting ON DELETE RESTRICT
) PARTITION BY RANGE (id);
CREATE INDEX benefit_entry_by_decision ON policylinc.benefit_entry (organization_id, decision_id);
CREATE INDEX benefit_entry_by_member ON policylinc.benefit_entry (organization_id, member_id, policy_year, benefit);

CREATE TABLE policylinc.balance (
    organization_id uuid NOT NULL,
    member_id uuid NOT NULL,
    policy_year date NOT NULL,
    benefit text NOT NULL CHECK (benefit ~ '^[a-z][a-z_]{1,39}$'),
    used numeric(14, 2) NOT NULL CHECK (used >= 0 AND used < 1e12),
    deductible_used numeric(14, 2) NOT NULL CHECK (deductible_used >= 0 AND deductible_used < 1e12),
    PRIMARY KEY (organization_id, member_id, policy_year, benefit),
    FOREIGN KEY (organization_id, member_id) REFERENCES policylinc.member ON DELETE RESTRICT
);
"""

_GRANTS = {
    "posting": "SELECT, INSERT",
    "benefit_entry": "SELECT, INSERT",
    "balance": "SELECT, INSERT, UPDATE (used, deductible_used)",
}


async def forwards() -> MigrationManager:
    policies = "".join(tenant_table_policy(f"policylinc.{table}", grants=grants) for table, grants in _GRANTS.items())
    return migration("policylinc", ID, DESCRIPTION, _LEDGER + partitioned("policylinc.benefit_entry") + policies)
