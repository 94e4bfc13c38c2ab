"""What a payer owes on each claim, the batches that it pays in, and what a provider's bank says of them."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration, tenant_table_policy

ID = "0015"
VERSION = "1.38.0"
DESCRIPTION = "accounts of claims, payment batches, bank lines"


def _amount(name: str) -> str:
    return f"{name} numeric(14, 2) NOT NULL CHECK ({name} >= 0 AND {name} < 1e12)"


def _signed(name: str) -> str:
    return f"{name} numeric(14, 2) NOT NULL CHECK ({name} > -1e12 AND {name} < 1e12)"


def _fee(name: str) -> str:
    return f"{name} numeric(14, 2) NOT NULL CHECK ({name} > -1e12 AND {name} <= 0)"


# One row a submission of a claim: kept by the database beside the decisions, so that nobody who decides can forget it.
_ACCOUNTS = f"""
CREATE TABLE claimlinc.claim_account (
    organization_id uuid NOT NULL,  -- the payer
    id uuid NOT NULL,  -- of the first decision
    provider_organization_id uuid,
    provider_license text NOT NULL,
    identifier_system text NOT NULL,
    identifier_value text NOT NULL,
    decision_id uuid NOT NULL,  -- the last one that is no pending
    outcome text NOT NULL CHECK (outcome IN ('approved', 'partial', 'rejected')),
    decided_at timestamptz NOT NULL,
    {_amount("entitled")},  -- the payer's share of the decision that stands
    {_amount("paid")},  -- the sum of its lines in batches that were not withdrawn
    ended text CHECK (ended IN ('replaced', 'cancelled')),
    PRIMARY KEY (organization_id, id),
    CONSTRAINT claim_account_business_key UNIQUE (organization_id, provider_license, identifier_system, identifier_value),
    CONSTRAINT claim_account_end CHECK (ended IS NULL OR entitled = 0),
    FOREIGN KEY (organization_id, id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT
);
CREATE INDEX claim_account_due ON claimlinc.claim_account (organization_id, provider_organization_id, id)
    WHERE entitled <> paid;

CREATE FUNCTION claimlinc.keep_accounts() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO claimlinc.claim_account AS a (organization_id, id, provider_organization_id, provider_license,
            identifier_system, identifier_value, decision_id, outcome, decided_at, entitled, paid)
        SELECT DISTINCT ON (d.organization_id, d.provider_license, d.identifier_system, d.identifier_value)
            d.organization_id, d.id, d.provider_organization_id, d.provider_license, d.identifier_system,
            d.identifier_value, d.id, d.outcome, d.decided_at, d.payer_share, 0
        FROM made d WHERE d.use = 'claim' AND d.outcome <> 'pended'
        ORDER BY d.organization_id, d.provider_license, d.identifier_system, d.identifier_value, d.number DESC
    ON CONFLICT ON CONSTRAINT claim_account_business_key DO UPDATE SET decision_id = EXCLUDED.decision_id,
        outcome = EXCLUDED.outcome, decided_at = EXCLUDED.decided_at, entitled = EXCLUDED.entitled;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_accounts AFTER INSERT ON claimlinc.decision
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION claimlinc.keep_accounts();

CREATE FUNCTION claimlinc.end_accounts() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE claimlinc.claim_account a SET entitled = 0, ended = e.kind
    FROM made e JOIN claimlinc.decision d ON d.organization_id = e.organization_id AND d.id = e.decision_id
    WHERE a.organization_id = d.organization_id AND a.provider_license = d.provider_license
      AND a.identifier_system = d.identifier_system AND a.identifier_value = d.identifier_value;
    RETURN NULL;
END $$;
CREATE TRIGGER end_accounts AFTER INSERT ON claimlinc.decision_end
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION claimlinc.end_accounts();

INSERT INTO claimlinc.claim_account
    SELECT DISTINCT ON (d.organization_id, d.provider_license, d.identifier_system, d.identifier_value)
        d.organization_id, d.id, d.provider_organization_id, d.provider_license, d.identifier_system, d.identifier_value,
        d.id, d.outcome, d.decided_at, CASE WHEN e.kind IS NULL THEN d.payer_share ELSE 0 END, 0, e.kind
    FROM claimlinc.decision d
    LEFT JOIN claimlinc.decision_end e ON e.organization_id = d.organization_id AND e.decision_id = d.id
    WHERE d.use = 'claim' AND d.outcome <> 'pended'
    ORDER BY d.organization_id, d.provider_license, d.identifier_system, d.identifier_value, d.number DESC;
"""

_BATCHES = f"""
CREATE TABLE claimlinc.payment_batch (
    organization_id uuid NOT NULL,  -- the payer
    id uuid NOT NULL,
    provider_organization_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'approved', 'sent', 'settled', 'withdrawn')),
    early_fee_percent numeric(5, 2) NOT NULL CHECK (early_fee_percent >= 0 AND early_fee_percent <= 100),
    nphies_fee_percent numeric(5, 2) NOT NULL CHECK (nphies_fee_percent >= 0 AND nphies_fee_percent <= 100),
    claims integer NOT NULL CHECK (claims > 0),
    {_signed("payment")},
    {_fee("early_fee")},
    {_fee("nphies_fee")},
    {_amount("amount")},
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    approved_by uuid,
    approved_at timestamptz,
    sent_by uuid,
    sent_at timestamptz,
    settled_by uuid,
    settled_at timestamptz,
    withdrawn_by uuid,
    withdrawn_at timestamptz,
    paid_on date,
    bank_reference text CHECK (bank_reference <> ''),
    PRIMARY KEY (organization_id, id),
    CONSTRAINT payment_batch_sum CHECK (amount = payment + early_fee + nphies_fee AND amount > 0),
    CONSTRAINT payment_batch_four_eyes CHECK (approved_by <> made_by),
    CONSTRAINT payment_batch_history CHECK (
        (approved_by IS NULL) = (approved_at IS NULL) AND (sent_by IS NULL) = (sent_at IS NULL)
        AND (settled_by IS NULL) = (settled_at IS NULL) AND (withdrawn_by IS NULL) = (withdrawn_at IS NULL)
        AND CASE state
            WHEN 'draft' THEN approved_by IS NULL AND withdrawn_by IS NULL
            WHEN 'approved' THEN approved_by IS NOT NULL AND sent_by IS NULL AND withdrawn_by IS NULL
            WHEN 'sent' THEN approved_by IS NOT NULL AND sent_by IS NOT NULL AND settled_by IS NULL AND withdrawn_by IS NULL
            WHEN 'settled' THEN approved_by IS NOT NULL AND sent_by IS NOT NULL AND settled_by IS NOT NULL
                AND paid_on IS NOT NULL AND bank_reference IS NOT NULL AND withdrawn_by IS NULL
            ELSE withdrawn_by IS NOT NULL AND sent_by IS NULL END
    )
);
CREATE INDEX payment_batch_by_provider ON claimlinc.payment_batch (provider_organization_id, id);

CREATE TABLE claimlinc.payment_line (
    organization_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    position integer NOT NULL CHECK (position > 0),
    provider_organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('payment', 'adjustment')),  -- HL7 payment-type
    reason text NOT NULL CHECK (reason IN ('decided', 'decided_again', 'replaced', 'cancelled')),
    {_amount("entitled")},
    {_amount("paid_before")},
    {_signed("payment")},
    {_fee("early_fee")},
    {_fee("nphies_fee")},
    {_signed("amount")},
    open boolean NOT NULL,  -- until the batch is settled or withdrawn
    PRIMARY KEY (organization_id, batch_id, position),
    FOREIGN KEY (organization_id, batch_id) REFERENCES claimlinc.payment_batch ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, account_id) REFERENCES claimlinc.claim_account ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    CONSTRAINT payment_line_sum CHECK (amount = payment + early_fee + nphies_fee),
    CONSTRAINT payment_line_difference CHECK (payment = entitled - paid_before AND payment <> 0),
    CONSTRAINT payment_line_kind CHECK ((kind = 'payment') = (paid_before = 0 AND payment > 0))
);
-- A claim is in one live batch only.
CREATE UNIQUE INDEX payment_line_live ON claimlinc.payment_line (organization_id, account_id) WHERE open;
CREATE INDEX payment_line_by_account ON claimlinc.payment_line (organization_id, account_id);
CREATE INDEX payment_line_by_decision ON claimlinc.payment_line (organization_id, decision_id);
"""

_BANK = f"""
CREATE TABLE claimlinc.bank_line (
    organization_id uuid NOT NULL,  -- the provider
    id uuid NOT NULL,
    transaction_id text NOT NULL CHECK (transaction_id <> ''),  -- the bank's own number
    booked_on date NOT NULL,
    {_amount("amount")},
    reference text NOT NULL,
    sender text NOT NULL,
    imported_at timestamptz NOT NULL,
    imported_by uuid NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT bank_line_business_key UNIQUE (organization_id, transaction_id)
);

CREATE TABLE claimlinc.remittance_match (
    organization_id uuid NOT NULL,  -- the provider
    id uuid NOT NULL,
    bank_line_id uuid NOT NULL,
    payer_organization_id uuid NOT NULL,
    batch_id uuid NOT NULL,  -- the payer's
    how text NOT NULL CHECK (how IN ('reference', 'amount', 'manual')),
    matched_at timestamptz NOT NULL,
    matched_by uuid NOT NULL,
    ended_at timestamptz,
    ended_by uuid,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, bank_line_id) REFERENCES claimlinc.bank_line ON DELETE RESTRICT,
    CONSTRAINT remittance_match_end CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
-- Money that came once is matched once.
CREATE UNIQUE INDEX remittance_match_once ON claimlinc.remittance_match (organization_id, bank_line_id)
    WHERE ended_at IS NULL;
CREATE INDEX remittance_match_by_batch ON claimlinc.remittance_match (organization_id, batch_id) WHERE ended_at IS NULL;
"""

# A provider sees a batch once it is sent: from then on it is a remittance.
_REMITTED = f"{TENANT} OR (state IN ('sent', 'settled') AND provider_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[]))"
_WITH_ITS_BATCH = (
    f"{TENANT} OR (provider_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[])"
    " AND EXISTS (SELECT FROM claimlinc.payment_batch b"
    " WHERE b.organization_id = payment_line.organization_id AND b.id = payment_line.batch_id))"
)
_STATES = (
    "state, approved_by, approved_at, sent_by, sent_at, settled_by, settled_at, withdrawn_by, withdrawn_at, paid_on,"
    " bank_reference"
)
_POLICIES = (
    tenant_table_policy(
        "claimlinc.claim_account",
        grants="SELECT, INSERT, UPDATE (decision_id, outcome, decided_at, entitled, paid, ended)",
    )
    + tenant_table_policy(
        "claimlinc.payment_batch", grants=f"SELECT, INSERT, UPDATE ({_STATES})", using=_REMITTED, check=TENANT
    )
    + tenant_table_policy(
        "claimlinc.payment_line", grants="SELECT, INSERT, UPDATE (open)", using=_WITH_ITS_BATCH, check=TENANT
    )
    + tenant_table_policy("claimlinc.bank_line")
    + tenant_table_policy("claimlinc.remittance_match", grants="SELECT, INSERT, UPDATE (ended_at, ended_by)")
)


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, _ACCOUNTS + _BATCHES + _BANK + _POLICIES)
