"""Review by people at a payer: cases, what happened to them, who decided, and the payer's terms of review."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration, tenant_table_policy

ID = "0014"
VERSION = "1.38.0"
DESCRIPTION = "review cases"

_REASONS = "('correction', 'adjudication', 'miscalculation', 'benefit', 'audit', 'cancel', 'other')"
_STATES = (
    "('pended', 'approved', 'partial', 'rejected', 'information_requested', 'second_review', 'appealed', 'cancelled',"
    " 'replaced', 'paid')"
)

_CASES = f"""
-- Why a decision takes the place of one that was complete (NPHIES reissue reasons, BV-00513).
ALTER TABLE claimlinc.decision ADD COLUMN reissue_reason text
    CONSTRAINT decision_reissue_reason CHECK (reissue_reason IS NULL OR (reissue_reason IN {_REASONS} AND number > 1));

-- How a payer's people work, by the day from which it holds; a payer without a row has the settings of the system.
CREATE TABLE claimlinc.review_terms (
    organization_id uuid NOT NULL,  -- the payer
    effective_from date NOT NULL,
    alone_up_to numeric(14, 2) NOT NULL CHECK (alone_up_to >= 0 AND alone_up_to < 1e12),
    appeal_days integer NOT NULL CHECK (appeal_days BETWEEN 1 AND 3650),
    answer_hours integer NOT NULL CHECK (answer_hours BETWEEN 1 AND 8760),
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, effective_from)
);

-- The payer's view of a submission that a person looks at, or looked at: one for its whole life.
CREATE TABLE claimlinc.review_case (
    organization_id uuid NOT NULL,  -- the payer
    id uuid NOT NULL,
    provider_organization_id uuid,
    provider_license text NOT NULL,
    identifier_system text NOT NULL,
    identifier_value text NOT NULL,
    decision_id uuid NOT NULL,  -- the last one on the submission
    member_id uuid,
    cause text NOT NULL CHECK (cause IN ('pended', 'appeal', 'reopened')),
    reissue_reason text CHECK (reissue_reason IN {_REASONS}),
    state text NOT NULL CHECK (state IN {_STATES}),
    state_at timestamptz NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    assigned_to uuid,
    escalated_at timestamptz,
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL CHECK (due_at >= opened_at),
    PRIMARY KEY (organization_id, id),
    CONSTRAINT review_case_business_key UNIQUE NULLS NOT DISTINCT
        (organization_id, provider_organization_id, provider_license, identifier_system, identifier_value),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT
);
CREATE INDEX review_case_open ON claimlinc.review_case (organization_id, due_at, id)
    WHERE state IN ('pended', 'information_requested', 'second_review', 'appealed');

-- What happened to a case; what was said is sealed. The provider sees what is told to it.
CREATE TABLE claimlinc.review_step (
    organization_id uuid NOT NULL,
    case_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    provider_organization_id uuid,
    event text NOT NULL CHECK (event <> ''),
    role text NOT NULL CHECK (role IN ('provider', 'payer', 'reviewer', 'second_reviewer')),
    state text NOT NULL CHECK (state IN {_STATES}),
    actor uuid NOT NULL,
    decision_id uuid,  -- that it made
    shared boolean NOT NULL,
    said bytea,  -- sealed
    at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, case_id, number),
    FOREIGN KEY (organization_id, case_id) REFERENCES claimlinc.review_case ON DELETE RESTRICT
);

-- What one person decided and another one has to agree to; the last one of a case counts.
CREATE TABLE claimlinc.review_proposal (
    organization_id uuid NOT NULL,
    case_id uuid NOT NULL,
    number integer NOT NULL,
    rulings jsonb NOT NULL,
    reissue_reason text CHECK (reissue_reason IN {_REASONS}),
    payer_share numeric(14, 2) NOT NULL CHECK (payer_share >= 0 AND payer_share < 1e12),
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, case_id, number),
    FOREIGN KEY (organization_id, case_id, number) REFERENCES claimlinc.review_step ON DELETE RESTRICT
);

-- Who made a decision by hand; four eyes where it is above what one person may decide alone.
CREATE TABLE claimlinc.decision_review (
    organization_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    case_id uuid NOT NULL,
    decided_by uuid NOT NULL,
    confirmed_by uuid,
    payer_share numeric(14, 2) NOT NULL CHECK (payer_share >= 0 AND payer_share < 1e12),
    alone_up_to numeric(14, 2) NOT NULL CHECK (alone_up_to >= 0 AND alone_up_to < 1e12),
    PRIMARY KEY (organization_id, decision_id),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, case_id) REFERENCES claimlinc.review_case ON DELETE RESTRICT,
    CONSTRAINT decision_review_another_person CHECK (confirmed_by <> decided_by),
    CONSTRAINT decision_review_four_eyes CHECK (payer_share <= alone_up_to OR confirmed_by IS NOT NULL)
);

-- The figure that four eyes are asked for is the decision's own.
CREATE FUNCTION claimlinc.guard_decision_review() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (
        SELECT FROM claimlinc.decision d WHERE d.organization_id = NEW.organization_id AND d.id = NEW.decision_id
            AND d.payer_share <> NEW.payer_share
    ) THEN
        RAISE EXCEPTION 'the amount of a review is that of its decision' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_decision_review BEFORE INSERT ON claimlinc.decision_review
    FOR EACH ROW EXECUTE FUNCTION claimlinc.guard_decision_review();
"""

_SHARED = f"{TENANT} OR (shared AND provider_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[]))"
_MOVED = "decision_id, cause, reissue_reason, state, state_at, version, assigned_to, escalated_at, opened_at, due_at"
_POLICIES = (
    tenant_table_policy("claimlinc.review_terms")
    + tenant_table_policy("claimlinc.review_case", grants=f"SELECT, INSERT, UPDATE ({_MOVED})")
    + tenant_table_policy("claimlinc.review_step", using=_SHARED, check=TENANT)
    + tenant_table_policy("claimlinc.review_proposal")
    + tenant_table_policy("claimlinc.decision_review")
)


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, _CASES + _POLICIES)
