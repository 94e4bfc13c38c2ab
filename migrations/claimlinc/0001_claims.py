"""Claims as they were submitted, what each step of their workflow found, and what the payer answered."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import TENANT, migration, schema, tenant_table_policy

ID = "0001"
VERSION = "1.38.0"
DESCRIPTION = "claims, normalised lines, covers, signatures, findings, answers"


def _amount(name: str, *, null: str = "NOT NULL") -> str:
    return f"{name} numeric(14, 2) {null} CHECK ({name} >= 0 AND {name} < 1e12)"


_SHARES = ",\n    ".join(
    _amount(name)
    for name in ("billed", "allowed", "deductible", "copay", "tax", "payer_tax", "payer_share", "patient_share")
)
_OUTCOMES = "('approved', 'partial', 'rejected', 'pended')"

_CLAIM = f"""
CREATE TABLE claimlinc.claim (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    payer_organization_id uuid,  -- where the submission named a payer that is known here
    claim_type text NOT NULL CHECK (claim_type IN ('institutional', 'oral', 'pharmacy', 'professional', 'vision')),
    use text NOT NULL CHECK (use IN ('claim', 'preauthorization')),
    sub_type text,
    identifier_system text NOT NULL,
    identifier_value text NOT NULL CHECK (identifier_value <> ''),
    content bytea NOT NULL CHECK (length(content) = 16),  -- tells a repeated submission from another one of the same number
    status text NOT NULL CHECK (status IN ('pending', 'pended', 'approved', 'partial', 'rejected', 'error')),
    status_at timestamptz NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    {_amount("total")},
    submitted_at timestamptz NOT NULL,
    submitted_by uuid,
    patient_id uuid,
    provider_license text,
    payer_license text,
    service_start date NOT NULL,
    service_end date NOT NULL CHECK (service_end >= service_start),
    message_id uuid,
    submission bytea NOT NULL,  -- sealed: the whole submission but for its attachments
    PRIMARY KEY (organization_id, id),
    CONSTRAINT claim_business_key UNIQUE (organization_id, identifier_system, identifier_value)
);
CREATE INDEX claim_by_payer ON claimlinc.claim (payer_organization_id, id) WHERE payer_organization_id IS NOT NULL;
CREATE INDEX claim_by_status ON claimlinc.claim (organization_id, status, id);
CREATE INDEX claim_by_patient ON claimlinc.claim (organization_id, patient_id, id) WHERE patient_id IS NOT NULL;

CREATE TABLE claimlinc.claim_line (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    system text NOT NULL,
    code text NOT NULL,
    quantity numeric(13, 4) NOT NULL CHECK (quantity >= 0 AND quantity < 1e9),
    {_amount("unit_price")},
    factor numeric(13, 4) NOT NULL CHECK (factor >= 0 AND factor < 1e9),
    {_amount("tax")},
    {_amount("net")},
    service_date date,
    PRIMARY KEY (organization_id, claim_id, sequence),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);

CREATE TABLE claimlinc.claim_diagnosis (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    system text NOT NULL,
    code text NOT NULL CHECK (code <> ''),
    type text NOT NULL,
    PRIMARY KEY (organization_id, claim_id, sequence),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);

CREATE TABLE claimlinc.claim_supporting_info (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    category text NOT NULL,
    code text,
    PRIMARY KEY (organization_id, claim_id, sequence),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);

CREATE TABLE claimlinc.claim_care_team (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    license text,
    role text,
    qualification text,
    PRIMARY KEY (organization_id, claim_id, sequence),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);

CREATE TABLE claimlinc.claim_related (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    position integer NOT NULL CHECK (position > 0),
    identifier_system text NOT NULL,
    identifier_value text NOT NULL,
    relationship text NOT NULL,
    PRIMARY KEY (organization_id, claim_id, position),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);
CREATE INDEX claim_related_by_identifier ON claimlinc.claim_related (organization_id, identifier_system, identifier_value);

CREATE TABLE claimlinc.claim_attachment (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    position integer NOT NULL CHECK (position > 0),
    sealed bytea NOT NULL,
    PRIMARY KEY (organization_id, claim_id, position),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);
"""

# What the workflow's steps found. Each run of a step appends rows under the next number.
_STEPS = """
CREATE TABLE claimlinc.normalized_line (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    sequence integer NOT NULL CHECK (sequence > 0),
    system text NOT NULL,
    code text NOT NULL,
    display text,
    display_ar text,
    source text NOT NULL CHECK (source IN ('as_sent', 'manual', 'rule_based', 'none')),
    confidence numeric(5, 4) NOT NULL CHECK (confidence >= 0 AND confidence <= 1),
    made_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, claim_id, number, sequence),
    FOREIGN KEY (organization_id, claim_id, sequence) REFERENCES claimlinc.claim_line ON DELETE RESTRICT
);

CREATE TABLE claimlinc.claim_cover (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    payer_organization_id uuid NOT NULL,
    member_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    policy_class text,
    status text NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, claim_id, number),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);
CREATE INDEX claim_cover_by_payer ON claimlinc.claim_cover (payer_organization_id, claim_id);

CREATE TABLE claimlinc.claim_signature (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    signature text NOT NULL CHECK (signature <> ''),
    algorithm text NOT NULL,
    key_id text NOT NULL,
    digest text NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, claim_id, number),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);

CREATE TABLE claimlinc.finding (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    claim_id uuid NOT NULL,
    step text NOT NULL,
    rule text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('error', 'warning')),
    path text NOT NULL,
    detail text NOT NULL,
    detail_ar text NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);
CREATE INDEX finding_by_claim ON claimlinc.finding (organization_id, claim_id);
"""

_ANSWERS = f"""
CREATE TABLE claimlinc.answer (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    status text NOT NULL CHECK (status IN ('pended', 'approved', 'partial', 'rejected', 'error')),
    disposition text,
    preauth_ref text,
    payer_decision_id uuid,
    message_id uuid,
    errors jsonb NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, claim_id, number),
    FOREIGN KEY (organization_id, claim_id) REFERENCES claimlinc.claim ON DELETE RESTRICT
);

CREATE TABLE claimlinc.answer_line (
    organization_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    number integer NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    outcome text NOT NULL CHECK (outcome IN {_OUTCOMES}),
    {_SHARES},
    approved_quantity numeric(13, 4) NOT NULL CHECK (approved_quantity >= 0 AND approved_quantity < 1e9),
    denial_code text,
    PRIMARY KEY (organization_id, claim_id, number, sequence),
    FOREIGN KEY (organization_id, claim_id, number) REFERENCES claimlinc.answer ON DELETE RESTRICT
);
"""

# A payer sees the claims that are addressed to it: by the submission, or by the cover that validation found.
_ADDRESSED = (
    f"{TENANT} OR payer_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[]) OR EXISTS ("
    "SELECT FROM claimlinc.claim_cover c WHERE c.organization_id = claim.organization_id AND c.claim_id = claim.id"
    " AND c.payer_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[]))"
)
_COVERED = f"{TENANT} OR payer_organization_id = ANY ((SELECT masterlinc.orgs())::uuid[])"


def _with_its_claim(table: str) -> str:
    """Return the policy of a row that whoever sees its claim may see."""
    return (
        f"{TENANT} OR EXISTS (SELECT FROM claimlinc.claim c"
        f" WHERE c.organization_id = {table}.organization_id AND c.id = {table}.claim_id)"
    )


_CHILDREN = (
    "claim_line",
    "claim_diagnosis",
    "claim_supporting_info",
    "claim_care_team",
    "claim_related",
    "claim_attachment",
    "normalized_line",
    "claim_signature",
    "finding",
    "answer",
    "answer_line",
)
_POLICIES = (
    tenant_table_policy(
        "claimlinc.claim", grants="SELECT, INSERT, UPDATE (status, status_at, version)", using=_ADDRESSED, check=TENANT
    )
    + tenant_table_policy("claimlinc.claim_cover", using=_COVERED, check=TENANT)
    + "".join(tenant_table_policy(f"claimlinc.{name}", using=_with_its_claim(name), check=TENANT) for name in _CHILDREN)
)


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, schema("claimlinc") + _CLAIM + _STEPS + _ANSWERS + _POLICIES)
