"""Patients, their identifiers and their search; practitioners and their hours."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, schema, tenant_table_policy

ID = "0001_people"
VERSION = "1.38.0"
DESCRIPTION = "patients, identifiers, search, practitioners, schedules"

_PATIENTS = f"""
{schema("doctorlinc")}

-- Names are clear so that they can be sorted and searched. Sealed columns are found by the blind index beside them.
CREATE TABLE doctorlinc.patient (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    name_ar text CHECK (name_ar <> '' AND length(name_ar) <= 200),
    name_key text COLLATE "C" NOT NULL,
    birth_date date NOT NULL CHECK (birth_date >= '1900-01-01'),
    gender text NOT NULL CHECK (gender IN ('male', 'female', 'other', 'unknown')),
    medical_record_number bytea,
    medical_record_index bytea CHECK (octet_length(medical_record_index) = 16),
    phone bytea,
    phone_index bytea CHECK (octet_length(phone_index) = 16),
    email bytea,
    payer_license text CHECK (payer_license <> ''),
    policy_number bytea,
    member_number bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT patient_medical_record UNIQUE (organization_id, medical_record_index),
    CHECK ((medical_record_number IS NULL) = (medical_record_index IS NULL)),
    CHECK ((phone IS NULL) = (phone_index IS NULL))
);
CREATE INDEX patient_by_name ON doctorlinc.patient (organization_id, name_key, id);
CREATE INDEX patient_by_phone ON doctorlinc.patient (organization_id, phone_index) WHERE phone_index IS NOT NULL;
{tenant_table_policy("doctorlinc.patient")}

-- A valid identifier belongs to one patient of an organization; one that breaks its rules may have come with any message.
CREATE TABLE doctorlinc.patient_identifier (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    system text NOT NULL CHECK (system <> ''),
    value bytea NOT NULL,
    value_index bytea NOT NULL CHECK (octet_length(value_index) = 16),
    valid boolean NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES doctorlinc.patient ON DELETE RESTRICT
);
CREATE UNIQUE INDEX patient_identifier_valid ON doctorlinc.patient_identifier (organization_id, system, value_index) WHERE valid;
CREATE INDEX patient_identifier_by_value ON doctorlinc.patient_identifier (organization_id, value_index);
CREATE INDEX patient_identifier_by_patient ON doctorlinc.patient_identifier (organization_id, patient_id);
{tenant_table_policy("doctorlinc.patient_identifier")}
"""

# LIKE and <% are not leakproof, so a policy in the way would keep the planner from the trigram index. `app` may add
# rows here and read them only through the function, which checks the organizations itself.
_SEARCH = f"""
CREATE TABLE doctorlinc.patient_search (
    organization_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    folded text NOT NULL,  -- ' ' before each word: a short word is looked for where words begin
    name_key text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, patient_id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES doctorlinc.patient ON DELETE RESTRICT
);
CREATE INDEX patient_search_folded ON doctorlinc.patient_search USING gin (folded gin_trgm_ops);
{tenant_table_policy("doctorlinc.patient_search", grants="INSERT")}
"""

_SEARCH_FUNCTION = r"""
CREATE FUNCTION doctorlinc.pattern(word text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN length(word) < 3 THEN '% ' ELSE '%' END
        || replace(replace(replace(word, '\', '\\'), '%', '\%'), '_', '\_') || '%'
$$;

-- Patients whose names hold every word, by name; where there is none, those whose names are like every word, the most
-- alike first. `words`: folded, the longest first. `total` counts to 1001 and is on every row, also where a page is empty.
CREATE FUNCTION doctorlinc.search_patients(words text[], first int, most int)
RETURNS TABLE (total int, organization_id uuid, patient_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan  -- each search has words of its own
SET random_page_cost = 1.1  -- the index is small and stays in memory
AS $$
#variable_conflict use_column
DECLARE
    allowed uuid[] := masterlinc.orgs();
    patterns text[] := ARRAY(SELECT doctorlinc.pattern(word) FROM unnest(words) AS word);
BEGIN
    RETURN QUERY
        WITH hit AS MATERIALIZED (
            SELECT s.organization_id AS organization, s.patient_id AS patient, s.name_key AS place
            FROM doctorlinc.patient_search s
            WHERE s.folded LIKE patterns[1] AND s.folded LIKE ALL (patterns) AND s.organization_id = ANY (allowed)
            ORDER BY s.name_key, s.patient_id LIMIT 1001
        )
        SELECT (SELECT count(*)::int FROM hit), page.organization, page.patient
        FROM (SELECT 1 FROM hit LIMIT 1) AS any_hit
        LEFT JOIN (SELECT * FROM hit ORDER BY place, patient OFFSET first LIMIT most) AS page ON true
        ORDER BY page.place, page.patient;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
    RETURN QUERY
        WITH hit AS MATERIALIZED (
            SELECT s.organization_id AS organization, s.patient_id AS patient, s.name_key AS place, alike.least
            FROM doctorlinc.patient_search s
            CROSS JOIN LATERAL (SELECT min(word_similarity(word, s.folded)) AS least FROM unnest(words) AS word) AS alike
            WHERE words[1] <% s.folded AND s.organization_id = ANY (allowed) AND alike.least >= 0.5
            ORDER BY alike.least DESC, s.name_key, s.patient_id LIMIT 1001
        )
        SELECT (SELECT count(*)::int FROM hit), page.organization, page.patient
        FROM (SELECT 1 FROM hit LIMIT 1) AS any_hit
        LEFT JOIN (SELECT * FROM hit ORDER BY least DESC, place, patient OFFSET first LIMIT most) AS page ON true
        ORDER BY page.least DESC, page.place, page.patient;
END $$;
REVOKE ALL ON FUNCTION doctorlinc.search_patients(text[], int, int), doctorlinc.pattern(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION doctorlinc.search_patients(text[], int, int) TO masterlinc_app;
"""

_PRACTITIONERS = f"""
CREATE TABLE doctorlinc.practitioner (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    license text NOT NULL CHECK (license <> '' AND length(license) <= 64),
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    name_ar text CHECK (name_ar <> '' AND length(name_ar) <= 200),
    specialty text NOT NULL CHECK (specialty <> ''),  -- an NPHIES practice code
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT practitioner_license UNIQUE (organization_id, license)
);
{tenant_table_policy("doctorlinc.practitioner")}

-- Weekly hours in Riyadh time; weekday 1 is Monday and 7 Sunday (ISO), minutes count from midnight.
CREATE TABLE doctorlinc.schedule (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    opens smallint NOT NULL CHECK (opens >= 0),
    closes smallint NOT NULL CHECK (closes > opens AND closes <= 1440),
    slot_minutes smallint NOT NULL CHECK (slot_minutes BETWEEN 5 AND 480),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, practitioner_id) REFERENCES doctorlinc.practitioner ON DELETE RESTRICT,
    CONSTRAINT schedule_hours_apart EXCLUDE USING gist (
        organization_id WITH =, practitioner_id WITH =, weekday WITH =, int4range(opens, closes) WITH &&
    )
);
{tenant_table_policy("doctorlinc.schedule", grants="SELECT, INSERT, DELETE")}
"""


async def forwards() -> MigrationManager:
    return migration("doctorlinc", ID, DESCRIPTION, _PATIENTS + _SEARCH + _SEARCH_FUNCTION + _PRACTITIONERS)
