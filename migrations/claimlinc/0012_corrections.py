"""What a claim corrects, and what ended a payer's decision: a correction that was decided, or a cancellation."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration, tenant_table_policy

ID = "0012"
VERSION = "1.38.0"
DESCRIPTION = "corrections and cancellations"

_CORRECTIONS = """
CREATE TABLE claimlinc.claim_correction (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,  -- what is corrected
    by_claim_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'done', 'failed')),
    asked_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (organization_id, by_claim_id, claim_id),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, by_claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT,
    CONSTRAINT claim_correction_of_another CHECK (claim_id <> by_claim_id),
    CONSTRAINT claim_correction_end CHECK ((state = 'asked') = (ended_at IS NULL))
);
-- Two corrections of one claim never stand beside each other; one whose message was refused leaves the place.
CREATE UNIQUE INDEX claim_correction_once ON claimlinc.claim_correction (organization_id, claim_id) WHERE state <> 'failed';
"""

_ENDS = """
CREATE TABLE claimlinc.decision_end (
    organization_id uuid NOT NULL,  -- the payer
    decision_id uuid NOT NULL,  -- the last one on its submission
    provider_organization_id uuid,
    kind text NOT NULL CHECK (kind IN ('replaced', 'cancelled')),
    by_decision_id uuid,
    reason text,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, decision_id),
    FOREIGN KEY (organization_id, decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, by_decision_id) REFERENCES claimlinc.decision ON DELETE RESTRICT,
    CONSTRAINT decision_end_why CHECK (CASE kind WHEN 'replaced' THEN by_decision_id IS NOT NULL ELSE reason IS NOT NULL END)
);
CREATE INDEX decision_end_by_decision ON claimlinc.decision_end (organization_id, by_decision_id)
    WHERE by_decision_id IS NOT NULL;

-- What was replaced or cancelled is not decided again, whoever tries.
CREATE FUNCTION claimlinc.refuse_after_the_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM claimlinc.decision d JOIN claimlinc.decision_end e
            ON e.organization_id = d.organization_id AND e.decision_id = d.id
        WHERE d.organization_id = NEW.organization_id AND d.provider_license = NEW.provider_license
          AND d.identifier_system = NEW.identifier_system AND d.identifier_value = NEW.identifier_value
    ) THEN
        RAISE EXCEPTION 'decision_after_the_end' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decision_after_the_end BEFORE INSERT ON claimlinc.decision
    FOR EACH ROW WHEN (NEW.number > 1) EXECUTE FUNCTION claimlinc.refuse_after_the_end();
"""

_WITH_ITS_CLAIM = (
    f"{TENANT} OR EXISTS (SELECT FROM claimlinc.claim c"
    " WHERE c.organization_id = claim_correction.organization_id AND c.id = claim_correction.claim_id)"
)
_BOTH_SIDES = f"{TENANT} OR provider_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[])"
_POLICIES = tenant_table_policy(
    "claimlinc.claim_correction",
    grants="SELECT, INSERT, UPDATE (state, ended_at)",
    using=_WITH_ITS_CLAIM,
    check=TENANT,
) + tenant_table_policy("claimlinc.decision_end", using=_BOTH_SIDES, check=TENANT)


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, _CORRECTIONS + _ENDS + _POLICIES)
