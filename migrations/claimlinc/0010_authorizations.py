"""What a decided pre-authorization grants, what claims use of it, the payer's clock, and notices of emergencies."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration, partitioned, tenant_table_policy

ID = "0010"
VERSION = "1.38.0"
DESCRIPTION = "authorizations, their use, the payer's clock, emergency notices"

_AUTHORIZATIONS = """
CREATE TABLE claimlinc.preauthorization (
    organization_id uuid NOT NULL,  -- the payer
    id uuid NOT NULL,
    provider_organization_id uuid,
    provider_license text NOT NULL,  -- '' where the request names none
    member_id uuid NOT NULL,
    identifier_system text NOT NULL,  -- of the request that was granted first
    identifier_value text NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL CHECK (valid_to >= valid_from),
    status text NOT NULL CHECK (status IN ('active', 'used_up', 'expired', 'cancelled', 'withdrawn')),
    status_at timestamptz NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX preauthorization_by_member ON claimlinc.preauthorization (organization_id, member_id, valid_to);
CREATE INDEX preauthorization_by_provider ON claimlinc.preauthorization (provider_organization_id, id)
    WHERE provider_organization_id IS NOT NULL;

CREATE TABLE claimlinc.preauthorization_line (
    organization_id uuid NOT NULL,
    authorization_id uuid NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    provider_organization_id uuid,
    codes jsonb NOT NULL CHECK (jsonb_array_length(codes) > 0),
    benefit text NOT NULL,
    quantity_granted numeric(13, 4) NOT NULL CHECK (quantity_granted >= 0 AND quantity_granted < 1e9),
    quantity_used numeric(13, 4) NOT NULL CHECK (quantity_used >= 0 AND quantity_used < 1e9),
    amount_granted numeric(14, 2) NOT NULL CHECK (amount_granted >= 0 AND amount_granted < 1e12),
    amount_used numeric(14, 2) NOT NULL CHECK (amount_used >= 0 AND amount_used < 1e12),
    PRIMARY KEY (organization_id, authorization_id, sequence),
    CONSTRAINT preauthorization_line_quantity CHECK (quantity_used <= quantity_granted),
    CONSTRAINT preauthorization_line_amount CHECK (amount_used <= amount_granted),
    FOREIGN KEY (organization_id, authorization_id) REFERENCES claimlinc.preauthorization ON DELETE RESTRICT
);

-- One row for each posting of a decision or a cancellation: it is posted once. The sum of the entries is the balance.
CREATE TABLE claimlinc.preauthorization_posting (
    organization_id uuid NOT NULL,
    authorization_id uuid NOT NULL,
    source_id uuid NOT NULL,  -- the decision; of a release the authorization itself
    kind text NOT NULL CHECK (kind IN ('grant', 'withdrawal', 'use', 'reversal', 'release')),
    provider_organization_id uuid,
    valid_to date CHECK ((valid_to IS NOT NULL) = (kind = 'grant')),
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, source_id, kind, authorization_id),
    FOREIGN KEY (organization_id, authorization_id) REFERENCES claimlinc.preauthorization ON DELETE RESTRICT
);
CREATE INDEX preauthorization_posting_by_authorization ON claimlinc.preauthorization_posting (organization_id, authorization_id);

CREATE TABLE claimlinc.preauthorization_entry (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    authorization_id uuid NOT NULL,
    sequence integer NOT NULL,
    source_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('grant', 'withdrawal', 'use', 'reversal', 'release')),
    provider_organization_id uuid,
    quantity numeric(13, 4) NOT NULL CHECK (quantity >= 0 AND quantity < 1e9),
    amount numeric(14, 2) NOT NULL CHECK (amount >= 0 AND amount < 1e12),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, authorization_id, sequence) REFERENCES claimlinc.preauthorization_line ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, source_id, kind, authorization_id) REFERENCES claimlinc.preauthorization_posting
        ON DELETE RESTRICT
) PARTITION BY RANGE (id);
CREATE INDEX preauthorization_entry_by_authorization ON claimlinc.preauthorization_entry (organization_id, authorization_id);
CREATE INDEX preauthorization_entry_by_source ON claimlinc.preauthorization_entry (organization_id, source_id);

ALTER TABLE claimlinc.decision_line ADD COLUMN used_authorization text;

-- The states as the service has them: what is not named here is refused whoever asks.
CREATE FUNCTION claimlinc.guard_preauthorization() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.status = OLD.status OR (OLD.status, NEW.status) IN (
        ('active', 'used_up'), ('active', 'expired'), ('active', 'cancelled'), ('active', 'withdrawn'),
        ('used_up', 'active'), ('used_up', 'expired'), ('used_up', 'withdrawn'),
        ('expired', 'active'), ('expired', 'used_up'), ('expired', 'cancelled'), ('expired', 'withdrawn'),
        ('withdrawn', 'active'), ('withdrawn', 'used_up')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an authorization that is % does not become %', OLD.status, NEW.status USING ERRCODE = '23514';
END $$;
CREATE TRIGGER guard_preauthorization BEFORE UPDATE OF status ON claimlinc.preauthorization
    FOR EACH ROW EXECUTE FUNCTION claimlinc.guard_preauthorization();
"""

_CLOCKS = """
-- Proof of time: when a request for a pre-authorization came, until when it was to be answered, and when it was.
CREATE TABLE claimlinc.preauthorization_clock (
    organization_id uuid NOT NULL,  -- the payer
    decision_id uuid NOT NULL,  -- the first decision on the request
    provider_organization_id uuid,
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL CHECK (due_at > received_at),
    when_late text NOT NULL CHECK (when_late IN ('escalate', 'approve', 'reject')),
    ran_out_at timestamptz CHECK (ran_out_at >= due_at),  -- when what follows was done
    answered_at timestamptz CHECK (answered_at >= received_at),
    answered_by text CHECK (answered_by IN ('rules', 'person', 'clock')),
    answer_id uuid,  -- the decision that answered
    in_time boolean GENERATED ALWAYS AS (answered_at <= due_at) STORED,
    PRIMARY KEY (organization_id, decision_id),
    CHECK ((answered_at IS NULL) = (answered_by IS NULL) AND (answered_at IS NULL) = (answer_id IS NULL)),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, answer_id) REFERENCES claimlinc.decision ON DELETE RESTRICT
);
CREATE INDEX preauthorization_clock_running ON claimlinc.preauthorization_clock (organization_id, due_at)
    WHERE answered_at IS NULL;

CREATE FUNCTION claimlinc.guard_clock() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF (OLD.ran_out_at IS NULL OR NEW.ran_out_at = OLD.ran_out_at) AND (
        OLD.answered_at IS NULL OR (NEW.ran_out_at, NEW.answered_at, NEW.answered_by, NEW.answer_id)
            IS NOT DISTINCT FROM (OLD.ran_out_at, OLD.answered_at, OLD.answered_by, OLD.answer_id)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a proof of time is written once' USING ERRCODE = '23514';
END $$;
CREATE TRIGGER guard_clock BEFORE UPDATE ON claimlinc.preauthorization_clock
    FOR EACH ROW EXECUTE FUNCTION claimlinc.guard_clock();

CREATE TABLE claimlinc.emergency_notice (
    organization_id uuid NOT NULL,  -- the payer
    id uuid NOT NULL,
    provider_organization_id uuid NOT NULL,
    member_id uuid NOT NULL,
    happened_at timestamptz NOT NULL,
    happened_on date NOT NULL,  -- in Riyadh
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL CHECK (due_at > happened_at),
    in_time boolean GENERATED ALWAYS AS (received_at <= due_at) STORED,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, provider_organization_id, member_id, happened_at)
);
CREATE INDEX emergency_notice_by_member ON claimlinc.emergency_notice (organization_id, member_id, happened_on);
CREATE INDEX emergency_notice_by_provider ON claimlinc.emergency_notice (provider_organization_id, id);
"""

_BOTH_SIDES = f"{TENANT} OR provider_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[])"
_GRANTS = {
    "preauthorization": "SELECT, INSERT, UPDATE (valid_to, status, status_at, version)",
    "preauthorization_line": "SELECT, INSERT, UPDATE (quantity_granted, quantity_used, amount_granted, amount_used)",
    "preauthorization_posting": "SELECT, INSERT",
    "preauthorization_entry": "SELECT, INSERT",
    "preauthorization_clock": "SELECT, INSERT, UPDATE (ran_out_at, answered_at, answered_by, answer_id)",
    "emergency_notice": "SELECT, INSERT",
}
_POLICIES = "".join(
    tenant_table_policy(f"claimlinc.{table}", grants=grants, using=_BOTH_SIDES, check=TENANT)
    for table, grants in _GRANTS.items()
)


async def forwards() -> MigrationManager:
    sql = _AUTHORIZATIONS + _CLOCKS + partitioned("claimlinc.preauthorization_entry") + _POLICIES
    return migration("claimlinc", ID, DESCRIPTION, sql)
