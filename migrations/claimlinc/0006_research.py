"""What researchers may see: groups of claims, counted over all organizations, each claim in one group at most."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0006"
VERSION = "1.38.0"
DESCRIPTION = "research"

# The patient's age at the service, as the first year of its band, and gender: what a group needs and the sealed
# submission would not tell.
_CLAIM = """
ALTER TABLE claimlinc.claim
    ADD COLUMN age_band smallint CHECK (age_band IN (0, 18, 30, 45, 60, 75, 90)),
    ADD COLUMN gender text CHECK (gender IN ('male', 'female', 'other', 'unknown'));

CREATE OR REPLACE FUNCTION claimlinc.submit(
    scope text, doc jsonb, sealed bytea, attachments bytea[], plan jsonb,
    actor uuid, actor_kind text, session_id uuid, trace_id text
) RETURNS TABLE (claim_id uuid, claim_status text, recorded_at timestamptz, duplicate boolean, same boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    org uuid := (doc ->> 'organization_id')::uuid;
    key uuid := (doc ->> 'id')::uuid;
BEGIN
    IF scope IS NOT NULL THEN
        PERFORM set_config('masterlinc.orgs', scope, true);
    END IF;

    INSERT INTO claimlinc.claim (organization_id, id, payer_organization_id, claim_type, use, sub_type, identifier_system,
            identifier_value, content, status, status_at, version, total, submitted_at, submitted_by, patient_id,
            provider_license, payer_license, service_start, service_end, message_id, submission,
            age_band, gender)
        SELECT org, key, c.payer_organization_id, c.claim_type, c.use, c.sub_type, c.identifier_system,
            c.identifier_value, decode(c.content, 'hex'), 'pending', c.submitted_at, 1, c.total, c.submitted_at, actor,
            c.patient_id, c.provider_license, c.payer_license, c.service_start, c.service_end, c.message_id, sealed,
            c.age_band, c.gender
        FROM jsonb_to_record(doc) AS c(payer_organization_id uuid, claim_type text, use text, sub_type text,
            identifier_system text, identifier_value text, content text, total numeric, submitted_at timestamptz,
            patient_id uuid, provider_license text, payer_license text, service_start date, service_end date, message_id uuid,
            age_band smallint, gender text)
        ON CONFLICT ON CONSTRAINT claim_business_key DO NOTHING;
    IF NOT FOUND THEN
        RETURN QUERY SELECT c.id, c.status, c.submitted_at, true, c.content = decode(doc ->> 'content', 'hex')
            FROM claimlinc.claim c WHERE c.organization_id = org AND c.identifier_system = doc ->> 'identifier_system'
                AND c.identifier_value = doc ->> 'identifier_value';
        RETURN;
    END IF;

    INSERT INTO claimlinc.claim_line (organization_id, claim_id, sequence, system, code, quantity, unit_price, factor, tax, net, service_date)
        SELECT org, key, l.sequence, l.system, l.code, l.quantity, l.unit_price, l.factor, l.tax, l.net, l.service_date
        FROM jsonb_to_recordset(doc -> 'lines') AS l(sequence int, system text, code text, quantity numeric,
            unit_price numeric, factor numeric, tax numeric, net numeric, service_date date);
    IF doc ? 'diagnoses' THEN
        INSERT INTO claimlinc.claim_diagnosis (organization_id, claim_id, sequence, system, code, type)
            SELECT org, key, d.sequence, d.system, d.code, d.type
            FROM jsonb_to_recordset(doc -> 'diagnoses') AS d(sequence int, system text, code text, type text);
    END IF;
    IF doc ? 'supporting_info' THEN
        INSERT INTO claimlinc.claim_supporting_info (organization_id, claim_id, sequence, category, code)
            SELECT org, key, i.sequence, i.category, i.code
            FROM jsonb_to_recordset(doc -> 'supporting_info') AS i(sequence int, category text, code text);
    END IF;
    IF doc ? 'care_team' THEN
        INSERT INTO claimlinc.claim_care_team (organization_id, claim_id, sequence, license, role, qualification)
            SELECT org, key, t.sequence, t.license, t.role, t.qualification
            FROM jsonb_to_recordset(doc -> 'care_team') AS t(sequence int, license text, role text, qualification text);
    END IF;
    IF doc ? 'related' THEN
        INSERT INTO claimlinc.claim_related (organization_id, claim_id, position, identifier_system, identifier_value, relationship)
            SELECT org, key, r.position, r.system, r.value, r.relationship
            FROM jsonb_to_recordset(doc -> 'related') AS r(position int, system text, value text, relationship text);
    END IF;
    IF cardinality(attachments) > 0 THEN
        INSERT INTO claimlinc.claim_attachment (organization_id, claim_id, position, sealed)
            SELECT org, key, a.ordinality, a.content FROM unnest(attachments) WITH ORDINALITY AS a(content, ordinality);
    END IF;

    PERFORM masterlinc.start_workflow((doc ->> 'workflow_id')::uuid, doc ->> 'workflow', (doc ->> 'workflow_version')::int,
        'claimlinc', key::text, org, plan);
    PERFORM masterlinc.publish(doc -> 'events');
    PERFORM masterlinc.write_audit(actor, actor_kind, session_id, trace_id, doc -> 'audits');
    RETURN QUERY SELECT key, 'pending'::text, (doc ->> 'submitted_at')::timestamptz, false, true;
END $$;
"""

# A month is published once and never again: nobody can take one state of it from another. The two tables hold no row of
# anybody, so they are open to be read; only the function below writes them, and it does not ask how.
_TABLES = """
CREATE TABLE claimlinc.research_month (
    month date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    smallest_group integer NOT NULL CHECK (smallest_group >= 11),
    published_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE claimlinc.research_group (
    month date NOT NULL REFERENCES claimlinc.research_month (month) ON DELETE RESTRICT,
    number integer NOT NULL CHECK (number > 0),
    detail text NOT NULL CHECK (detail IN ('person', 'service', 'type')),
    claim_type text NOT NULL,
    diagnosis_chapter text,
    service_group text,
    policy_class text,
    age_band smallint,
    gender text,
    claims integer NOT NULL CHECK (claims >= 10 AND claims % 5 = 0),
    billed numeric(14, 2) CHECK (billed >= 0 AND billed < 1e12),
    payer_share numeric(14, 2) CHECK (payer_share >= 0 AND payer_share < 1e12),
    PRIMARY KEY (month, number)
);
GRANT SELECT ON claimlinc.research_month, claimlinc.research_group TO masterlinc_app;
"""

# ICD-10 has its chapters by the first three characters.
_CHAPTER = """
CREATE FUNCTION claimlinc.icd_chapter(code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN upper(code) !~ '^[A-Z][0-9][0-9A-Z]' THEN NULL
        WHEN head < 'C' THEN 'I'
        WHEN head < 'D50' THEN 'II'
        WHEN head < 'E' THEN 'III'
        WHEN head < 'F' THEN 'IV'
        WHEN head < 'G' THEN 'V'
        WHEN head < 'H' THEN 'VI'
        WHEN head < 'H60' THEN 'VII'
        WHEN head < 'I' THEN 'VIII'
        WHEN head < 'J' THEN 'IX'
        WHEN head < 'K' THEN 'X'
        WHEN head < 'L' THEN 'XI'
        WHEN head < 'M' THEN 'XII'
        WHEN head < 'N' THEN 'XIII'
        WHEN head < 'O' THEN 'XIV'
        WHEN head < 'P' THEN 'XV'
        WHEN head < 'Q' THEN 'XVI'
        WHEN head < 'R' THEN 'XVII'
        WHEN head < 'S' THEN 'XVIII'
        WHEN head < 'U' THEN 'XIX'
        WHEN head < 'V' THEN 'XXII'
        WHEN head < 'Z' THEN 'XX'
        ELSE 'XXI'
    END FROM (SELECT upper(left(code, 3)) COLLATE "C" AS head) AS one
$$;
"""

_PERSON = "claim_type, diagnosis_chapter, service_group, policy_class, age_band, gender"
_SERVICE = "claim_type, diagnosis_chapter, service_group"
_TYPE = "claim_type"


def _groups(facts: str, columns: str) -> str:
    """Return the groups that are large enough: by persons, since many claims may be one person's.

    A sum of which one person has more than half would tell that person's, and one of nothing everybody's: both are left
    out.
    """
    return f"""
        SELECT {columns}, sum(claims)::int AS claims, sum(billed) AS billed, max(billed) AS most_billed,
            sum(payer_share) AS payer_share, max(payer_share) AS most_paid
        FROM (
            SELECT {columns}, person, count(*) AS claims, sum(billed) AS billed, sum(payer_share) AS payer_share
            FROM {facts} GROUP BY {columns}, person
        ) AS of_person
        GROUP BY {columns} HAVING count(person) >= persons"""


def _left(facts: str, groups: str, columns: str) -> str:
    """Return the claims that no group has taken."""
    same = " AND ".join(f"g.{name} IS NOT DISTINCT FROM f.{name}" for name in columns.split(", "))
    return f"SELECT f.* FROM {facts} f WHERE NOT EXISTS (SELECT FROM {groups} g WHERE {same})"


def _shown(groups: str, detail: str, columns: str) -> str:
    """Return groups as they are written down; a column that they do not tell is empty."""
    told = ", ".join(name if name in columns.split(", ") else f"NULL AS {name}" for name in _PERSON.split(", "))
    return f"SELECT '{detail}' AS detail, {told}, claims, billed, most_billed, payer_share, most_paid FROM {groups}"


# The finest groups first; what they leave is grouped more coarsely, and what is then still too small is not shown.
_PUBLISH = f"""
CREATE FUNCTION claimlinc.publish_research(wanted date, smallest integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    first_day date := date_trunc('month', wanted)::date;
    persons integer := greatest(coalesce(smallest, 11), 11);
    since timestamptz := first_day::timestamp AT TIME ZONE 'Asia/Riyadh';
    until timestamptz := (first_day + interval '1 month') AT TIME ZONE 'Asia/Riyadh';
    made integer;
BEGIN
    IF now() < (first_day + interval '2 months') AT TIME ZONE 'Asia/Riyadh' THEN
        RETURN 0;  -- its claims have a month to be answered
    END IF;
    INSERT INTO claimlinc.research_month (month, smallest_group) VALUES (first_day, persons) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    INSERT INTO claimlinc.research_group (month, number, detail, claim_type, diagnosis_chapter, service_group, policy_class,
            age_band, gender, claims, billed, payer_share)
        WITH fact AS MATERIALIZED (
            SELECT c.claim_type, claimlinc.icd_chapter(d.code) AS diagnosis_chapter,
                CASE WHEN l.name IN ('services', 'procedures', 'imaging', 'laboratory', 'oral-health-op', 'oral-health-ip',
                    'medication-codes', 'medical-devices', 'transportation-srca') THEN l.name ELSE 'other' END AS service_group,
                CASE WHEN v.policy_class IN ('VIP', 'A', 'B', 'C') THEN v.policy_class END AS policy_class,
                c.age_band, c.gender, coalesce(v.member_id, c.patient_id) AS person, c.total AS billed,
                coalesce(a.payer_share, 0) AS payer_share
            FROM claimlinc.claim c
            LEFT JOIN LATERAL (
                SELECT x.member_id, x.policy_class FROM claimlinc.claim_cover x
                WHERE x.organization_id = c.organization_id AND x.claim_id = c.id ORDER BY x.number DESC LIMIT 1) v ON true
            LEFT JOIN LATERAL (
                SELECT x.code FROM claimlinc.claim_diagnosis x
                WHERE x.organization_id = c.organization_id AND x.claim_id = c.id
                ORDER BY x.type = 'principal' DESC, x.sequence LIMIT 1) d ON true
            LEFT JOIN LATERAL (
                SELECT regexp_replace(x.system, '^.*/', '') AS name FROM claimlinc.claim_line x
                WHERE x.organization_id = c.organization_id AND x.claim_id = c.id ORDER BY x.net DESC, x.sequence LIMIT 1) l ON true
            LEFT JOIN LATERAL (
                SELECT sum(x.payer_share) AS payer_share FROM claimlinc.answer_line x
                WHERE x.organization_id = c.organization_id AND x.claim_id = c.id AND x.number = (
                    SELECT max(y.number) FROM claimlinc.answer y
                    WHERE y.organization_id = c.organization_id AND y.claim_id = c.id)) a ON true
            WHERE c.use = 'claim' AND c.submitted_at >= since AND c.submitted_at < until
        ), by_person AS MATERIALIZED ({_groups("fact", _PERSON)}
        ), left_by_person AS MATERIALIZED ({_left("fact", "by_person", _PERSON)}
        ), by_service AS MATERIALIZED ({_groups("left_by_person", _SERVICE)}
        ), left_by_service AS MATERIALIZED ({_left("left_by_person", "by_service", _SERVICE)}
        ), by_type AS MATERIALIZED ({_groups("left_by_service", _TYPE)}
        ), shown AS (
            {_shown("by_person", "person", _PERSON)}
            UNION ALL {_shown("by_service", "service", _SERVICE)}
            UNION ALL {_shown("by_type", "type", _TYPE)}
        )
        SELECT first_day, row_number() OVER (ORDER BY claim_type, diagnosis_chapter, service_group, policy_class, age_band,
                gender, detail), detail, claim_type, diagnosis_chapter, service_group, policy_class, age_band, gender,
            (round(claims / 5.0) * 5)::int,
            CASE WHEN most_billed > 0 AND most_billed * 2 <= billed THEN round(billed / 100) * 100 END,
            CASE WHEN most_paid > 0 AND most_paid * 2 <= payer_share THEN round(payer_share / 100) * 100 END
        FROM shown;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION claimlinc.publish_research(date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claimlinc.publish_research(date, integer) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, _CLAIM + _TABLES + _CHAPTER + _PUBLISH)
