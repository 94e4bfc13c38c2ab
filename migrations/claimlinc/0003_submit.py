"""One call that records a claim: its rows, its workflow, its event and its audit row commit together."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0003"
VERSION = "1.38.0"
DESCRIPTION = "claimlinc.submit"

SQL = """
-- `scope` is null inside of a transaction that has set its organizations itself. `same` tells a repeated submission
-- from another one under a number that is taken.
CREATE FUNCTION claimlinc.submit(
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
            provider_license, payer_license, service_start, service_end, message_id, submission)
        SELECT org, key, c.payer_organization_id, c.claim_type, c.use, c.sub_type, c.identifier_system,
            c.identifier_value, decode(c.content, 'hex'), 'pending', c.submitted_at, 1, c.total, c.submitted_at, actor,
            c.patient_id, c.provider_license, c.payer_license, c.service_start, c.service_end, c.message_id, sealed
        FROM jsonb_to_record(doc) AS c(payer_organization_id uuid, claim_type text, use text, sub_type text,
            identifier_system text, identifier_value text, content text, total numeric, submitted_at timestamptz,
            patient_id uuid, provider_license text, payer_license text, service_start date, service_end date, message_id uuid)
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


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL)
