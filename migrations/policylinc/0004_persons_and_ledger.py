"""Who a person is over renewals, and a ledger that counts units and days; the database keeps balances as its sum."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0004"
VERSION = "1.38.0"
DESCRIPTION = "persons over renewals, changes of members, units and days in the ledger"

# NPHIES takes the relationships of HL7's subscriber-relationship.
_RELATIONSHIPS = "('self', 'spouse', 'child', 'parent', 'common', 'other', 'injured')"

_PERSONS = f"""
ALTER TABLE policylinc.member
    ADD COLUMN person_id uuid,  -- the id of the number's first row: the same over renewals
    ADD COLUMN relationship text CHECK (relationship IN {_RELATIONSHIPS}),
    ADD COLUMN sponsor_id uuid;  -- the person whose dependant this one is
UPDATE policylinc.member m SET person_id = (
    SELECT f.id FROM policylinc.member f
    WHERE f.organization_id = m.organization_id AND f.member_number = m.member_number
    ORDER BY f.effective_from, f.id LIMIT 1
);
ALTER TABLE policylinc.member
    ALTER COLUMN person_id SET NOT NULL,
    ADD FOREIGN KEY (organization_id, person_id) REFERENCES policylinc.member ON DELETE RESTRICT,
    ADD FOREIGN KEY (organization_id, sponsor_id) REFERENCES policylinc.member ON DELETE RESTRICT,
    ADD CONSTRAINT member_sponsor
        CHECK (sponsor_id IS NULL OR (sponsor_id <> person_id AND relationship IS DISTINCT FROM 'self')),
    ADD CONSTRAINT member_person EXCLUDE USING gist (
        organization_id WITH =, member_number WITH =, person_id WITH <>
    );
CREATE INDEX member_by_person ON policylinc.member (organization_id, person_id);

-- What is known of a member from a day on, all of it anew; the latest entry of the latest day holds.
CREATE TABLE policylinc.member_change (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    effective_from date NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    birth_date date,
    gender text CHECK (gender IN ('male', 'female', 'other', 'unknown')),
    relationship text CHECK (relationship IN {_RELATIONSHIPS}),
    sponsor_id uuid,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, member_id) REFERENCES policylinc.member ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, sponsor_id) REFERENCES policylinc.member ON DELETE RESTRICT
);
CREATE INDEX member_change_by_member ON policylinc.member_change (organization_id, member_id, effective_from, id);
"""

# numeric(14, 4) is what a quantity is.
_LEDGER = """
ALTER TABLE policylinc.benefit_entry
    ADD COLUMN units numeric(14, 4) NOT NULL DEFAULT 0 CHECK (abs(units) < 1e9),
    ADD COLUMN days numeric(14, 4) NOT NULL DEFAULT 0 CHECK (abs(days) < 1e9),
    ADD CONSTRAINT benefit_entry_sign
        CHECK (CASE kind WHEN 'use' THEN units >= 0 AND days >= 0 ELSE units <= 0 AND days <= 0 END);
ALTER TABLE policylinc.benefit_entry ALTER COLUMN units DROP DEFAULT, ALTER COLUMN days DROP DEFAULT;

ALTER TABLE policylinc.balance
    ADD COLUMN units_used numeric(14, 4) NOT NULL DEFAULT 0 CHECK (units_used >= 0 AND units_used < 1e9),
    ADD COLUMN days_used numeric(14, 4) NOT NULL DEFAULT 0 CHECK (days_used >= 0 AND days_used < 1e9);
ALTER TABLE policylinc.balance ALTER COLUMN units_used DROP DEFAULT, ALTER COLUMN days_used DROP DEFAULT;

-- A balance is the sum of its entries because nothing else can write it.
CREATE FUNCTION policylinc.keep_balances() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO policylinc.balance (organization_id, member_id, policy_year, benefit, used, deductible_used,
        units_used, days_used)
    SELECT DISTINCT organization_id, member_id, policy_year, benefit, 0, 0, 0, 0 FROM entry ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING;
    UPDATE policylinc.balance b SET used = b.used + s.amount, deductible_used = b.deductible_used + s.deductible,
        units_used = b.units_used + s.units, days_used = b.days_used + s.days
    FROM (
        SELECT organization_id, member_id, policy_year, benefit, sum(amount) AS amount,
            sum(deductible) AS deductible, sum(units) AS units, sum(days) AS days
        FROM entry GROUP BY 1, 2, 3, 4
    ) AS s
    WHERE (b.organization_id, b.member_id, b.policy_year, b.benefit)
        = (s.organization_id, s.member_id, s.policy_year, s.benefit);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION policylinc.keep_balances FROM PUBLIC;
CREATE TRIGGER keep_balances AFTER INSERT ON policylinc.benefit_entry
    REFERENCING NEW TABLE AS entry FOR EACH STATEMENT EXECUTE FUNCTION policylinc.keep_balances();
REVOKE INSERT, UPDATE ON policylinc.balance FROM masterlinc_app;
REVOKE UPDATE (used, deductible_used) ON policylinc.balance FROM masterlinc_app;
"""


async def forwards() -> MigrationManager:
    policies = tenant_table_policy("policylinc.member_change")
    return migration("policylinc", ID, DESCRIPTION, _PERSONS + _LEDGER + policies)
