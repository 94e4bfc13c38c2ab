"""Dated terms of payers, classes, networks, benefits and services, and the proposals that change them."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0003"
VERSION = "1.38.0"
DESCRIPTION = "dated terms"


def _amount(name: str, *, null: str = "NOT NULL") -> str:
    return f"{name} numeric(14, 2) {null} CHECK ({name} >= 0 AND {name} < 1e12)"


def _percent(name: str, *, null: str = "NOT NULL") -> str:
    return f"{name} numeric(5, 2) {null} CHECK ({name} >= 0 AND {name} <= 100)"


def _whole(name: str, least: int, most: int, *, null: str = "NOT NULL") -> str:
    return f"{name} integer {null} CHECK ({name} >= {least} AND {name} <= {most})"


# A version that was taken back before its first day never held: it stays for the record, and overlaps nothing.
_VERSION = """
    version integer NOT NULL CHECK (version > 0),
    effective_from date NOT NULL,
    effective_to date CHECK (effective_to >= effective_from),  -- the last day; NULL: no end yet
    withdrawn_on date CHECK (withdrawn_on < effective_from),
    proposal_id uuid,  -- who proposed and approved it; NULL: loaded by a command
"""
_HOLDS = "daterange(effective_from, effective_to, '[]') WITH &&"
_NOBODY = "'00000000-0000-0000-0000-000000000000'"
_PROPOSED = "FOREIGN KEY (organization_id, proposal_id) REFERENCES policylinc.proposal ON DELETE RESTRICT"

_PROPOSALS = """
CREATE TABLE policylinc.proposal (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('product', 'price_list', 'service_rules', 'network', 'payer')),
    subject text NOT NULL,  -- the code of the product, contract or network; empty for what a payer has one of
    effective_from date NOT NULL,
    content jsonb NOT NULL,
    difference jsonb NOT NULL,  -- what it changes of the versions that it was made from
    base text NOT NULL,  -- the versions that it was made from: others meanwhile, and it cannot be approved
    reason text NOT NULL CHECK (reason <> ''),
    status text NOT NULL CHECK (status IN ('proposed', 'approved', 'declined', 'withdrawn')),
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    decision_note text,
    PRIMARY KEY (organization_id, id),
    CHECK ((status = 'proposed') = (decided_by IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CHECK (status <> 'declined' OR decision_note <> ''),
    CONSTRAINT proposal_four_eyes CHECK (
        CASE status WHEN 'withdrawn' THEN decided_by = proposed_by WHEN 'proposed' THEN true
        ELSE decided_by <> proposed_by END
    )
);
CREATE INDEX proposal_by_time ON policylinc.proposal (organization_id, status, id);
"""

_PAYERS = f"""
CREATE TABLE policylinc.payer_terms (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    {_VERSION}
    administrator_organization_id uuid CHECK (administrator_organization_id <> organization_id),  -- the TPA
    {_whole("follow_up_days", 0, 365)},
    {_whole("filing_days", 1, 3650, null="NULL")},
    {_percent("vat_percent", null="NULL")},
    {_whole("answer_minutes", 1, 43200)},
    when_late text NOT NULL CHECK (when_late IN ('escalate', 'approve', 'reject')),
    {_whole("valid_days", 1, 3650)},
    {_whole("emergency_notice_hours", 0, 8760)},
    PRIMARY KEY (organization_id, id),
    CONSTRAINT payer_terms_version UNIQUE (organization_id, version),
    CONSTRAINT payer_terms_overlap EXCLUDE USING gist (organization_id WITH =, {_HOLDS}) WHERE (withdrawn_on IS NULL),
    {_PROPOSED}
);

CREATE TABLE policylinc.network (
    organization_id uuid NOT NULL,
    code text NOT NULL CHECK (code <> ''),
    name text NOT NULL CHECK (name <> ''),
    name_ar text NOT NULL CHECK (name_ar <> ''),
    PRIMARY KEY (organization_id, code)
);

CREATE TABLE policylinc.network_provider (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    network text NOT NULL,
    provider_organization_id uuid,  -- NULL: every provider that is not listed
    provider_class text CHECK (provider_class ~ '^[A-Z][A-Z0-9+_]{{0,19}}$'),
    {_VERSION}
    PRIMARY KEY (organization_id, id),
    CONSTRAINT network_provider_version
        UNIQUE NULLS NOT DISTINCT (organization_id, network, provider_organization_id, version),
    CONSTRAINT network_provider_overlap EXCLUDE USING gist (
        organization_id WITH =, network WITH =, coalesce(provider_organization_id, {_NOBODY}) WITH =, {_HOLDS}
    ) WHERE (withdrawn_on IS NULL),
    FOREIGN KEY (organization_id, network) REFERENCES policylinc.network ON DELETE RESTRICT,
    {_PROPOSED}
);
"""

# What a class grants a policy that begins while the version holds. The columns of product_class said it before, without
# dates: they are read no more, and go in a later release.
_CLASSES = f"""
CREATE TABLE policylinc.class_terms (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    policy_class text NOT NULL,
    {_VERSION}
    {_amount("annual_limit")},
    {_amount("deductible")},
    network text NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT class_terms_version UNIQUE (organization_id, product_id, policy_class, version),
    CONSTRAINT class_terms_overlap EXCLUDE USING gist (
        organization_id WITH =, product_id WITH =, policy_class WITH =, {_HOLDS}
    ) WHERE (withdrawn_on IS NULL),
    FOREIGN KEY (organization_id, product_id, policy_class) REFERENCES policylinc.product_class ON DELETE RESTRICT,
    {_PROPOSED}
);
INSERT INTO policylinc.class_terms (organization_id, id, product_id, policy_class, version, effective_from,
    annual_limit, deductible, network)
SELECT c.organization_id, gen_random_uuid(), c.product_id, c.policy_class, 1,
    coalesce((
        SELECT min(b.effective_from) FROM policylinc.benefit b
        WHERE b.organization_id = c.organization_id AND b.product_id = c.product_id AND b.policy_class = c.policy_class
    ), '2000-01-01'), c.annual_limit, c.deductible, c.network
FROM policylinc.product_class c;
ALTER TABLE policylinc.product_class
    ALTER COLUMN annual_limit DROP NOT NULL, ALTER COLUMN deductible DROP NOT NULL, ALTER COLUMN network DROP NOT NULL;

-- Until now every provider was in every network.
INSERT INTO policylinc.network (organization_id, code, name, name_ar)
SELECT organization_id, network, network, network FROM policylinc.class_terms WHERE network <> ''
UNION
SELECT organization_id, network, network, network FROM policylinc.policy WHERE network <> '';
INSERT INTO policylinc.network_provider (organization_id, id, network, version, effective_from)
SELECT organization_id, gen_random_uuid(), code, 1, '2000-01-01' FROM policylinc.network;
"""

_BENEFITS = f"""
ALTER TABLE policylinc.benefit
    ADD withdrawn_on date CHECK (withdrawn_on < effective_from),
    ADD proposal_id uuid,
    ADD parent text CHECK (parent <> benefit),
    ADD codes text[] NOT NULL DEFAULT '{{}}',
    ADD copay_cap_per text NOT NULL DEFAULT 'visit' CHECK (copay_cap_per IN ('visit', 'item')),
    ADD {_whole("waiting_days", 0, 3650, null="NOT NULL DEFAULT 0")},
    ADD {_PROPOSED},
    DROP CONSTRAINT benefit_overlap,
    ADD CONSTRAINT benefit_overlap EXCLUDE USING gist (
        organization_id WITH =, product_id WITH =, policy_class WITH =, benefit WITH =, {_HOLDS}
    ) WHERE (withdrawn_on IS NULL);
ALTER TABLE policylinc.benefit
    ALTER COLUMN codes DROP DEFAULT, ALTER COLUMN copay_cap_per DROP DEFAULT, ALTER COLUMN waiting_days DROP DEFAULT;

-- A limit besides the yearly amount, which stands with the benefit.
CREATE TABLE policylinc.benefit_limit (
    organization_id uuid NOT NULL,
    benefit_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('amount', 'count', 'days')),
    per text NOT NULL CHECK (per IN ('year', 'lifetime', 'visit', 'item')),
    value numeric(14, 2) NOT NULL CHECK (value >= 0 AND value < 1e12),
    PRIMARY KEY (organization_id, benefit_id, kind, per),
    CHECK (kind <> 'amount' OR per <> 'year'),
    CHECK (kind <> 'days' OR (per IN ('year', 'lifetime') AND value = trunc(value))),
    FOREIGN KEY (organization_id, benefit_id) REFERENCES policylinc.benefit ON DELETE RESTRICT
);

-- The co-pay at some providers, where it is not the benefit's own. NULL asks about nothing.
CREATE TABLE policylinc.benefit_copay (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    benefit_id uuid NOT NULL,
    in_network boolean,
    provider_class text CHECK (provider_class ~ '^[A-Z][A-Z0-9+_]{{0,19}}$'),
    {_percent("copay_percent")},
    {_amount("copay_cap", null="NULL")},
    copay_cap_per text NOT NULL CHECK (copay_cap_per IN ('visit', 'item')),
    PRIMARY KEY (organization_id, id),
    CONSTRAINT benefit_copay_once UNIQUE NULLS NOT DISTINCT (organization_id, benefit_id, in_network, provider_class),
    CHECK (in_network IS NOT NULL OR provider_class IS NOT NULL),
    FOREIGN KEY (organization_id, benefit_id) REFERENCES policylinc.benefit ON DELETE RESTRICT
);
"""

_RULES = f"""
CREATE TABLE policylinc.service_rule (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    rule text NOT NULL CHECK (rule ~ '^[a-z][a-z0-9_.-]{{1,79}}$'),
    product_id uuid,  -- NULL: every product
    policy_class text,  -- NULL: every class
    {_VERSION}
    kind text NOT NULL CHECK (kind IN ('exclusion', 'authorization', 'waiting', 'age', 'sex', 'frequency')),
    text text NOT NULL CHECK (text <> ''),
    text_ar text NOT NULL CHECK (text_ar <> ''),
    codes text[] NOT NULL,
    diagnoses text[] NOT NULL,
    benefits text[] NOT NULL,
    {_amount("above", null="NULL")},
    in_emergencies boolean NOT NULL,
    {_whole("days", 1, 36500, null="NULL")},
    {_whole("times", 0, 10000, null="NULL")},
    {_whole("min_age", 0, 150, null="NULL")},
    {_whole("max_age", 0, 150, null="NULL")},
    sex text CHECK (sex IN ('male', 'female')),
    PRIMARY KEY (organization_id, id),
    CHECK (policy_class IS NULL OR product_id IS NOT NULL),
    CHECK (kind = 'authorization' OR (above IS NULL AND NOT in_emergencies)),
    CHECK (kind <> 'waiting' OR days IS NOT NULL),
    CHECK (kind <> 'frequency' OR (days IS NOT NULL AND times IS NOT NULL)),
    CHECK (kind <> 'age' OR min_age IS NOT NULL OR max_age IS NOT NULL),
    CHECK (min_age <= max_age),
    CHECK (kind <> 'sex' OR sex IS NOT NULL),
    CONSTRAINT service_rule_version
        UNIQUE NULLS NOT DISTINCT (organization_id, rule, product_id, policy_class, version),
    CONSTRAINT service_rule_overlap EXCLUDE USING gist (
        organization_id WITH =, rule WITH =, coalesce(product_id, {_NOBODY}) WITH =,
        coalesce(policy_class, '') WITH =, {_HOLDS}
    ) WHERE (withdrawn_on IS NULL),
    FOREIGN KEY (organization_id, product_id) REFERENCES policylinc.product ON DELETE RESTRICT,
    FOREIGN KEY (organization_id, product_id, policy_class) REFERENCES policylinc.product_class ON DELETE RESTRICT,
    {_PROPOSED}
);
"""

_PRICES = f"""
ALTER TABLE policylinc.price
    ADD withdrawn_on date CHECK (withdrawn_on < effective_from),
    ADD proposal_id uuid,
    ADD {_PROPOSED},
    DROP CONSTRAINT price_overlap,
    ADD CONSTRAINT price_overlap EXCLUDE USING gist (
        organization_id WITH =, contract_id WITH =, system WITH =, code WITH =, {_HOLDS}
    ) WHERE (withdrawn_on IS NULL);
"""

_ENDS = "SELECT, INSERT, UPDATE (effective_to, withdrawn_on)"
_GRANTS = {
    "proposal": "SELECT, INSERT, UPDATE (status, decided_by, decided_at, decision_note)",
    "payer_terms": _ENDS,
    "network": "SELECT, INSERT, UPDATE (name, name_ar)",
    "network_provider": _ENDS,
    "class_terms": _ENDS,
    "benefit_limit": "SELECT, INSERT",
    "benefit_copay": "SELECT, INSERT",
    "service_rule": _ENDS,
}
_WITHDRAWING = """
GRANT UPDATE (withdrawn_on) ON policylinc.benefit TO masterlinc_app;
GRANT UPDATE (withdrawn_on) ON policylinc.price TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    policies = "".join(tenant_table_policy(f"policylinc.{table}", grants=grants) for table, grants in _GRANTS.items())
    sql = _PROPOSALS + _PAYERS + _CLASSES + _BENEFITS + _RULES + _PRICES + policies + _WITHDRAWING
    return migration("policylinc", ID, DESCRIPTION, sql)
