from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0010_audit"
VERSION = "1.38.0"
DESCRIPTION = "Audit rows say from where and why; the chain of seals over them"

# docs/audit-format.md writes the same down in words; masterlinc.audit.verification reads that page, and not this.
_PUBLIC = """masterlinc.audit_field(uuid_send(e.id)) || masterlinc.audit_field(xid8send(e.xid))
        || masterlinc.audit_field(timestamptz_send(e.at)) || masterlinc.audit_field(uuid_send(e.organization_id))
        || masterlinc.audit_field(convert_to(e.actor_kind, 'UTF8')) || masterlinc.audit_field(uuid_send(e.actor_organization_id))
        || masterlinc.audit_field(convert_to(e.purpose, 'UTF8')) || masterlinc.audit_field(convert_to(e.action, 'UTF8'))
        || masterlinc.audit_field(convert_to(e.resource, 'UTF8')) || masterlinc.audit_field(convert_to(e.outcome, 'UTF8'))
        || masterlinc.audit_field(convert_to(e.trace_id, 'UTF8'))"""
_PERSONAL = """masterlinc.audit_field(e.salt) || masterlinc.audit_field(uuid_send(e.actor_id))
        || masterlinc.audit_field(uuid_send(e.session_id)) || masterlinc.audit_field(convert_to(e.address, 'UTF8'))
        || masterlinc.audit_field(convert_to(e.resource_id, 'UTF8')) || masterlinc.audit_field(uuid_send(e.patient))
        || masterlinc.audit_field(convert_to(e.detail::text, 'UTF8'))"""
_SAME = " AND ".join(
    f"OLD.{name} IS NOT DISTINCT FROM NEW.{name}"
    for name in (
        *("id", "xid", "at", "organization_id", "actor_kind", "actor_organization_id", "purpose", "action"),
        *("resource", "outcome", "trace_id"),
    )
)

SQL = f"""
-- From where, why, and for whom the actor acts. The salt is what an erased row keeps nothing of; rows from before have none.
ALTER TABLE masterlinc.audit_event
    ADD COLUMN address text NOT NULL DEFAULT '' CHECK (length(address) <= 64),
    ADD COLUMN purpose text NOT NULL DEFAULT '' CHECK (length(purpose) <= 80),
    ADD COLUMN actor_organization_id uuid,
    ADD COLUMN salt bytea,
    ADD COLUMN erased bytea,
    ADD CONSTRAINT audit_event_erased CHECK (erased IS NULL OR length(erased) = 32 AND salt IS NULL AND actor_id IS NULL
        AND session_id IS NULL AND address = '' AND resource_id = '' AND patient IS NULL AND detail = '{{}}');
ALTER TABLE masterlinc.audit_event ALTER COLUMN salt SET DEFAULT uuid_send(gen_random_uuid());

CREATE INDEX audit_event_order ON masterlinc.audit_event (xid, id);
CREATE INDEX audit_event_organization ON masterlinc.audit_event (organization_id, id);
CREATE INDEX audit_event_actor ON masterlinc.audit_event (actor_id, id);
CREATE INDEX audit_event_resource ON masterlinc.audit_event (resource_id, id);
CREATE INDEX audit_event_action ON masterlinc.audit_event (action, id);
CREATE INDEX audit_event_outcome ON masterlinc.audit_event (outcome, id) WHERE outcome <> 'ok';

-- An operator's auditor reads the audit of every organization, and nothing else of them.
CREATE POLICY audit_event_everywhere ON masterlinc.audit_event FOR SELECT
    USING ((SELECT current_setting('masterlinc.audit', true)) = 'everywhere');
CREATE POLICY audit_patient_everywhere ON masterlinc.audit_patient FOR SELECT
    USING ((SELECT current_setting('masterlinc.audit', true)) = 'everywhere');

-- What all rows of a call share stands in its arguments; where a row says `address`, `purpose` or `actor_organization_id`
-- itself, as the calls of before do not, it is kept.
CREATE OR REPLACE FUNCTION masterlinc.write_audit(actor uuid, kind text, session uuid, trace text, events jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO masterlinc.audit_event
            (id, organization_id, actor_id, actor_kind, session_id, trace_id, action, resource, resource_id, patient, outcome,
            detail, address, purpose, actor_organization_id)
        SELECT e.id, e.organization_id, actor, kind, session, trace, e.action, e.resource, e.resource_id, e.patient, e.outcome,
            e.detail, coalesce(e.address, ''), coalesce(e.purpose, ''), e.actor_organization_id
        FROM jsonb_to_recordset(events) AS e(id uuid, organization_id uuid, action text, resource text, resource_id text,
            patient uuid, outcome text, detail jsonb, address text, purpose text, actor_organization_id uuid);
    INSERT INTO masterlinc.audit_patient (patient, event_id, organization_id)
        SELECT e.patient, e.id, e.organization_id
        FROM jsonb_to_recordset(events) AS e(id uuid, organization_id uuid, patient uuid)
        WHERE e.patient IS NOT NULL AND e.organization_id IS NOT NULL;
END $$;

-- A field as it is sealed: its length in four bytes and its bytes; ffffffff where there is none.
CREATE FUNCTION masterlinc.audit_field(value bytea) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(int4send(length(value)) || value, '\\xffffffff'::bytea) $$;

-- What a row says of persons, as it is sealed: once erased, its digest stands in its place and the seal still holds.
CREATE FUNCTION masterlinc.audit_personal(e masterlinc.audit_event) RETURNS bytea LANGUAGE sql STABLE AS
$$ SELECT sha256('\\x02'::bytea || {_PERSONAL}) $$;

CREATE FUNCTION masterlinc.audit_leaf(e masterlinc.audit_event) RETURNS bytea LANGUAGE sql STABLE AS
$$ SELECT sha256('\\x00'::bytea || {_PUBLIC} || coalesce(e.erased, masterlinc.audit_personal(e))) $$;

-- Audit rows stay as they are. The one exception takes out what a row says of persons and leaves its digest.
CREATE FUNCTION masterlinc.audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME LIKE 'audit_event%' THEN
        IF OLD.erased IS NULL AND NEW.erased = masterlinc.audit_personal(OLD) AND {_SAME} THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of % are final', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_event_final BEFORE UPDATE OR DELETE ON masterlinc.audit_event
    FOR EACH ROW EXECUTE FUNCTION masterlinc.audit_is_final();
CREATE TRIGGER audit_event_kept BEFORE TRUNCATE ON masterlinc.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION masterlinc.audit_is_final();

-- Keys that seals are signed with; each new one is signed by the one before it.
CREATE TABLE masterlinc.audit_key (
    kid text PRIMARY KEY CHECK (length(kid) BETWEEN 1 AND 100),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    endorsed_by text REFERENCES masterlinc.audit_key (kid) ON DELETE RESTRICT,
    endorsement bytea CHECK (length(endorsement) = 64),
    CONSTRAINT audit_key_endorsed CHECK ((endorsed_by IS NULL) = (endorsement IS NULL))
);
CREATE UNIQUE INDEX audit_key_line ON masterlinc.audit_key (coalesce(endorsed_by, ''));  -- one first key, one heir each
GRANT SELECT, INSERT ON masterlinc.audit_key TO masterlinc_app;

-- A seal over the rows behind the last one, up to (last_xid, last_id). `entries` holds 48 bytes a row, its id and its
-- leaf, so that a verification can name the row that is not as it was.
CREATE TABLE masterlinc.audit_seal (
    number bigint PRIMARY KEY CHECK (number > 0),
    previous bytea NOT NULL CHECK (length(previous) = 32),
    root bytea NOT NULL CHECK (length(root) = 32),
    row_count int NOT NULL CHECK (row_count > 0),
    total bigint NOT NULL CHECK (total >= row_count),
    first_xid xid8 NOT NULL,
    first_id uuid NOT NULL,
    last_xid xid8 NOT NULL,
    last_id uuid NOT NULL,
    sealed_at timestamptz NOT NULL,
    key_id text NOT NULL REFERENCES masterlinc.audit_key (kid) ON DELETE RESTRICT,
    signature bytea NOT NULL CHECK (length(signature) = 64),
    entries bytea NOT NULL CHECK (length(entries) - 48 * row_count = 0)
);
ALTER TABLE masterlinc.audit_seal ALTER COLUMN entries SET STORAGE EXTERNAL;  -- hashes do not compress
CREATE TRIGGER audit_seal_final BEFORE UPDATE OR DELETE ON masterlinc.audit_seal
    FOR EACH ROW EXECUTE FUNCTION masterlinc.audit_is_final();
CREATE TRIGGER audit_seal_kept BEFORE TRUNCATE ON masterlinc.audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION masterlinc.audit_is_final();
GRANT SELECT, INSERT ON masterlinc.audit_seal TO masterlinc_app;

-- The leaves that the sealer has yet to seal, of every organization: hashes, and nothing of the rows. Commit order is not
-- id order, so it advances over (xid, id) below the oldest transaction that is still open.
CREATE FUNCTION masterlinc.audit_leaves(after_xid xid8, after_id uuid, most int)
RETURNS TABLE (xid xid8, id uuid, leaf bytea) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
    SELECT e.xid, e.id, masterlinc.audit_leaf(e) FROM masterlinc.audit_event e
    WHERE (e.xid, e.id) > (after_xid, after_id) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY e.xid, e.id LIMIT most
$$;
REVOKE ALL ON FUNCTION masterlinc.audit_leaves(xid8, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.audit_leaves(xid8, uuid, int) TO masterlinc_app;

-- The rows of every organization in the order of their commits, for who ships them to a SIEM.
CREATE FUNCTION masterlinc.audit_after(after_xid xid8, after_id uuid, most int) RETURNS SETOF masterlinc.audit_event
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
    SELECT * FROM masterlinc.audit_event e
    WHERE (e.xid, e.id) > (after_xid, after_id) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY e.xid, e.id LIMIT most
$$;
REVOKE ALL ON FUNCTION masterlinc.audit_after(xid8, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.audit_after(xid8, uuid, int) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
