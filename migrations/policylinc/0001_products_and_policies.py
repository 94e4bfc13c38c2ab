"""Products, their classes and benefits, policies, members, contracts and prices of payers."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, schema, tenant_table_policy

ID = "0001"
VERSION = "1.38.0"
DESCRIPTION = "products, policies, members, contracts"

_MONEY = "numeric(14, 2) {null} CHECK ({name} >= 0 AND {name} < 1e12)"


def _amount(name: str, *, null: str = "NOT NULL") -> str:
    return f"{name} " + _MONEY.format(name=name, null=null)


def _percent(name: str) -> str:
    return f"{name} numeric(5, 2) NOT NULL CHECK ({name} >= 0 AND {name} <= 100)"


_DATES = """
    effective_from date NOT NULL,
    effective_to date CHECK (effective_to >= effective_from),  -- the last day; NULL: no end yet
"""

_PRODUCTS = f"""
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE policylinc.product (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9][A-Z0-9_-]{{0,39}}$'),
    name text NOT NULL CHECK (name <> ''),
    name_ar text NOT NULL CHECK (name_ar <> ''),
    policy_type text NOT NULL CHECK (policy_type ~ '^[A-Z][A-Z0-9_]{{1,39}}$'),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT product_code UNIQUE (organization_id, code)
);

CREATE TABLE policylinc.product_class (
    organization_id uuid NOT NULL,
    product_id uuid NOT NULL,
    policy_class text NOT NULL CHECK (policy_class ~ '^[A-Z][A-Z0-9+]{{0,9}}$'),
    {_amount("annual_limit")},
    {_amount("deductible")},
    network text NOT NULL,
    PRIMARY KEY (organization_id, product_id, policy_class),
    FOREIGN KEY (organization_id, product_id) REFERENCES policylinc.product ON DELETE RESTRICT
);

CREATE TABLE policylinc.benefit (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    policy_class text NOT NULL,
    benefit text NOT NULL CHECK (benefit ~ '^[a-z][a-z_]{{1,39}}$'),
    rule_id text NOT NULL CHECK (rule_id <> ''),
    version integer NOT NULL CHECK (version > 0),
    {_DATES}
    covered boolean NOT NULL,
    {_percent("copay_percent")},
    {_amount("copay_cap", null="NULL")},
    {_amount("year_limit", null="NULL")},
    authorization_required boolean NOT NULL,
    {_amount("authorization_above", null="NULL")},
    PRIMARY KEY (organization_id, id),
    CONSTRAINT benefit_version UNIQUE (organization_id, product_id, policy_class, benefit, version),
    CONSTRAINT benefit_overlap EXCLUDE USING gist (
        organization_id WITH =, product_id WITH =, policy_class WITH =, benefit WITH =,
        daterange(effective_from, effective_to, '[]') WITH &&
    ),
    FOREIGN KEY (organization_id, product_id, policy_class) REFERENCES policylinc.product_class ON DELETE RESTRICT
);
"""

_POLICIES = f"""
CREATE TABLE policylinc.policy (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    policy_number text NOT NULL CHECK (policy_number <> ''),
    policy_class text NOT NULL,
    holder text NOT NULL,
    network text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'inactive', 'suspended')),
    effective_date date NOT NULL,
    expiry_date date NOT NULL CHECK (expiry_date >= effective_date),
    {_amount("annual_limit")},
    {_amount("deductible")},
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT policy_number UNIQUE (organization_id, policy_number),
    FOREIGN KEY (organization_id, product_id, policy_class) REFERENCES policylinc.product_class ON DELETE RESTRICT
);
CREATE INDEX policy_by_number ON policylinc.policy (policy_number);

CREATE TABLE policylinc.member (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    policy_id uuid NOT NULL,
    member_number text NOT NULL CHECK (member_number <> ''),
    name text NOT NULL CHECK (name <> ''),
    birth_date date,
    gender text CHECK (gender IN ('male', 'female', 'other', 'unknown')),
    effective_from date NOT NULL,
    effective_to date NOT NULL CHECK (effective_to >= effective_from),
    enrolled_by_simulator boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    -- A number belongs to one person's cover at a time; a renewal carries it on.
    CONSTRAINT member_overlap EXCLUDE USING gist (
        organization_id WITH =, member_number WITH =, daterange(effective_from, effective_to, '[]') WITH &&
    ),
    FOREIGN KEY (organization_id, policy_id) REFERENCES policylinc.policy ON DELETE RESTRICT
);
CREATE INDEX member_by_number ON policylinc.member (organization_id, member_number);
CREATE INDEX member_by_policy ON policylinc.member (organization_id, policy_id);

CREATE TABLE policylinc.member_identifier (
    organization_id uuid NOT NULL,
    member_id uuid NOT NULL,
    system text NOT NULL,
    sealed bytea NOT NULL,
    blind bytea NOT NULL CHECK (length(blind) = 16),
    valid boolean NOT NULL,
    PRIMARY KEY (organization_id, blind, member_id),
    FOREIGN KEY (organization_id, member_id) REFERENCES policylinc.member ON DELETE RESTRICT
);
CREATE INDEX member_identifier_by_member ON policylinc.member_identifier (organization_id, member_id);
"""

_CONTRACTS = f"""
CREATE TABLE policylinc.contract (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL CHECK (code <> ''),
    provider_organization_id uuid,  -- NULL: every provider without a contract of its own
    {_percent("percent_of_billed")},
    {_DATES}
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT contract_code UNIQUE (organization_id, code),
    CONSTRAINT contract_overlap EXCLUDE USING gist (
        organization_id WITH =, coalesce(provider_organization_id, '00000000-0000-0000-0000-000000000000') WITH =,
        daterange(effective_from, effective_to, '[]') WITH &&
    )
);

CREATE TABLE policylinc.price (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    contract_id uuid NOT NULL,
    system text NOT NULL CHECK (system <> ''),
    code text NOT NULL CHECK (code <> ''),
    {_amount("amount")},
    {_DATES}
    PRIMARY KEY (organization_id, id),
    CONSTRAINT price_overlap EXCLUDE USING gist (
        organization_id WITH =, contract_id WITH =, system WITH =, code WITH =,
        daterange(effective_from, effective_to, '[]') WITH &&
    ),
    FOREIGN KEY (organization_id, contract_id) REFERENCES policylinc.contract ON DELETE RESTRICT
);
CREATE INDEX price_by_code ON policylinc.price (organization_id, contract_id, code);
"""

# A provider asks about a policy or a person without knowing the payer's scope. These answer ids only: which payers to
# ask. What is read then goes through row-level security in that payer's scope, and is audited.
_DIRECTORY = """
CREATE FUNCTION policylinc.payers_of_policy(number text) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT organization_id FROM policylinc.policy WHERE policy_number = number ORDER BY organization_id';
REVOKE ALL ON FUNCTION policylinc.payers_of_policy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policylinc.payers_of_policy TO masterlinc_app;

CREATE FUNCTION policylinc.payers() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT DISTINCT organization_id FROM policylinc.product ORDER BY organization_id';
REVOKE ALL ON FUNCTION policylinc.payers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policylinc.payers TO masterlinc_app;
"""

_GRANTS = {
    "product": "SELECT, INSERT",
    "product_class": "SELECT, INSERT",
    "benefit": "SELECT, INSERT, UPDATE (effective_to)",
    "policy": "SELECT, INSERT, UPDATE (status)",
    "member": "SELECT, INSERT, UPDATE (effective_to)",
    "member_identifier": "SELECT, INSERT",
    "contract": "SELECT, INSERT, UPDATE (effective_to)",
    "price": "SELECT, INSERT, UPDATE (effective_to)",
}


async def forwards() -> MigrationManager:
    policies = "".join(tenant_table_policy(f"policylinc.{table}", grants=grants) for table, grants in _GRANTS.items())
    sql = schema("policylinc") + _PRODUCTS + _POLICIES + _CONTRACTS + policies + _DIRECTORY
    return migration("policylinc", ID, DESCRIPTION, sql)
