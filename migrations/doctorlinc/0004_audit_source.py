"""The call that finds a patient says in its audit row from where and why, too."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0004_audit_source"
VERSION = "1.38.0"
DESCRIPTION = "doctorlinc.find_patient with the source of its audit row"

SQL = """
-- `scope` is null inside of a transaction that has set its organizations itself. A patient is looked for by id, or by
-- medical record number and then, where nobody has it, by identifier; two who answer to one number are nobody.
-- Without an `audit` id the read leaves no row: the caller records what it does with the patient. `source` holds what the
-- row says beside that: address, purpose and actor_organization_id.
CREATE FUNCTION doctorlinc.find_patient(
    scope text, organizations uuid[], wanted uuid, records bytea[], numbers bytea[],
    audit uuid, actor uuid, actor_kind text, session_id uuid, trace_id text, source jsonb
) RETURNS TABLE (organization_id uuid, id uuid, name text, name_ar text, birth_date date, gender text, phone bytea,
    email bytea, medical_record_number bytea, payer_license text, policy_number bytea, member_number bytea,
    identifier_ids uuid[], identifier_systems text[], identifier_values bytea[], identifiers_valid boolean[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    hits uuid[] := ARRAY[wanted];
    patient doctorlinc.patient;
BEGIN
    IF scope IS NOT NULL THEN
        PERFORM set_config('masterlinc.orgs', scope, true);
    END IF;
    IF wanted IS NULL THEN
        hits := ARRAY(SELECT p.id FROM doctorlinc.patient p
            WHERE p.organization_id = ANY (organizations) AND p.medical_record_index = ANY (records) LIMIT 2);
        IF hits = '{}' THEN
            hits := ARRAY(SELECT DISTINCT i.patient_id FROM doctorlinc.patient_identifier i
                WHERE i.organization_id = ANY (organizations) AND i.value_index = ANY (numbers) LIMIT 2);
        END IF;
        IF cardinality(hits) <> 1 THEN
            RETURN;
        END IF;
    END IF;
    SELECT * INTO patient FROM doctorlinc.patient p WHERE p.organization_id = ANY (organizations) AND p.id = hits[1];
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF audit IS NOT NULL THEN
        PERFORM masterlinc.write_audit(actor, actor_kind, session_id, trace_id, jsonb_build_array(jsonb_build_object(
            'id', audit, 'organization_id', patient.organization_id, 'action', 'patient.read', 'resource', 'patient',
            'resource_id', masterlinc.show_id('PAT', patient.id), 'patient', patient.id, 'outcome', 'ok',
            'detail', jsonb_build_object()) || source));
    END IF;
    RETURN QUERY SELECT patient.organization_id, patient.id, patient.name, patient.name_ar, patient.birth_date,
            patient.gender, patient.phone, patient.email, patient.medical_record_number, patient.payer_license, patient.policy_number, patient.member_number,
            array_agg(i.id ORDER BY i.id), array_agg(i.system ORDER BY i.id), array_agg(i.value ORDER BY i.id),
            array_agg(i.valid ORDER BY i.id)
        FROM doctorlinc.patient_identifier i
        WHERE i.organization_id = patient.organization_id AND i.patient_id = patient.id;
END $$;

-- As the version before this one calls it; it may still run beside.
CREATE OR REPLACE FUNCTION doctorlinc.find_patient(
    scope text, organizations uuid[], wanted uuid, records bytea[], numbers bytea[],
    audit uuid, actor uuid, actor_kind text, session_id uuid, trace_id text
) RETURNS TABLE (organization_id uuid, id uuid, name text, name_ar text, birth_date date, gender text, phone bytea,
    email bytea, medical_record_number bytea, payer_license text, policy_number bytea, member_number bytea,
    identifier_ids uuid[], identifier_systems text[], identifier_values bytea[], identifiers_valid boolean[])
LANGUAGE sql AS $$
    SELECT * FROM doctorlinc.find_patient(scope, organizations, wanted, records, numbers, audit, actor, actor_kind,
        session_id, trace_id, '{}'::jsonb)
$$;
"""


async def forwards() -> MigrationManager:
    return migration("doctorlinc", ID, DESCRIPTION, SQL)
