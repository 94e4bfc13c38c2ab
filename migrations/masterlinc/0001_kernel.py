from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, partitioned, tenant_table_policy

ID = "0001_kernel"
VERSION = "1.38.0"
DESCRIPTION = "Scope of organizations, partitions, outbox, deliveries, workflows, audit"

SQL = f"""
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- The organizations that the open transaction may touch. After a commit the setting is '' and not null.
CREATE FUNCTION masterlinc.orgs() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('masterlinc.orgs', true), '')::uuid[] $$;

-- Partitions by time: the first 48 bits of a UUIDv7 are its millisecond.
CREATE TABLE masterlinc.partitioned_table (name text PRIMARY KEY);

CREATE FUNCTION masterlinc.lowest_id(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid $$;

CREATE FUNCTION masterlinc.ensure_partitions(months_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    parent text;
    first_day timestamptz;
    part text;
    made int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7308332045881);
    FOR parent IN SELECT name FROM masterlinc.partitioned_table LOOP
        FOR ahead IN -1 .. least(months_ahead, 36) LOOP
            first_day := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => ahead);
            part := parent || '_' || to_char(first_day AT TIME ZONE 'UTC', 'YYYYMM');
            IF to_regclass(part) IS NULL THEN
                EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', part, parent,
                    masterlinc.lowest_id(first_day), masterlinc.lowest_id(first_day + interval '1 month'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION masterlinc.ensure_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.ensure_partitions(int) TO masterlinc_app;

-- Events: the outbox. Order inside of an aggregate is aggregate_seq; xid and id give the order of commits to replays.
CREATE TABLE masterlinc.event (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 3 AND 120),
    aggregate uuid NOT NULL,
    aggregate_seq bigint NOT NULL CHECK (aggregate_seq > 0),
    payload jsonb NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (id);
{partitioned("masterlinc.event")}

CREATE TABLE masterlinc.aggregate (id uuid PRIMARY KEY, seq bigint NOT NULL);

CREATE TABLE masterlinc.subscription (
    name text PRIMARY KEY,
    agent text NOT NULL,
    event text NOT NULL,
    max_attempts int NOT NULL CHECK (max_attempts BETWEEN 1 AND 100)
);

CREATE TABLE masterlinc.delivery (
    subscription text NOT NULL,
    event_id uuid NOT NULL,
    agent text NOT NULL,
    aggregate uuid NOT NULL,
    aggregate_seq bigint NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'parked')),
    attempts int NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error text,
    PRIMARY KEY (subscription, event_id)
);
CREATE INDEX delivery_due ON masterlinc.delivery (agent, next_at) WHERE state = 'pending';
CREATE INDEX delivery_order ON masterlinc.delivery (subscription, aggregate, aggregate_seq) WHERE state <> 'done';

CREATE FUNCTION masterlinc.publish(events jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    one record;
    next_seq bigint;
    fanned int := 0;
    rows int;
BEGIN
    FOR one IN SELECT * FROM jsonb_to_recordset(events)
            AS e(id uuid, organization_id uuid, name text, aggregate uuid, payload jsonb) LOOP
        INSERT INTO masterlinc.aggregate AS a (id, seq) VALUES (one.aggregate, 1)
            ON CONFLICT (id) DO UPDATE SET seq = a.seq + 1 RETURNING seq INTO next_seq;
        INSERT INTO masterlinc.event (id, organization_id, name, aggregate, aggregate_seq, payload)
            VALUES (one.id, one.organization_id, one.name, one.aggregate, next_seq, one.payload);
        INSERT INTO masterlinc.delivery (subscription, event_id, agent, aggregate, aggregate_seq)
            SELECT s.name, one.id, s.agent, one.aggregate, next_seq FROM masterlinc.subscription s WHERE s.event = one.name;
        GET DIAGNOSTICS rows = ROW_COUNT;
        fanned := fanned + rows;
    END LOOP;
    RETURN fanned;
END $$;

-- Workflows: a stored plan. The rows hold ids, never health data, so they are under no row-level security.
CREATE TABLE masterlinc.workflow (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    version int NOT NULL CHECK (version > 0),
    business_key text NOT NULL,
    organization_id uuid NOT NULL,
    agent text NOT NULL,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'waiting', 'done', 'parked')),
    starts int NOT NULL DEFAULT 0,
    lease_owner uuid,
    leased_until timestamptz,
    wake_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error text,
    UNIQUE (name, business_key)
);
CREATE INDEX workflow_due ON masterlinc.workflow (agent, wake_at) WHERE status IN ('running', 'waiting');

CREATE TABLE masterlinc.workflow_step (
    workflow_id uuid NOT NULL REFERENCES masterlinc.workflow (id) ON DELETE RESTRICT,
    position smallint NOT NULL,
    name text NOT NULL,
    task text NOT NULL,
    outside boolean NOT NULL,
    max_attempts int NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'parked')),
    attempts int NOT NULL DEFAULT 0,
    started_at timestamptz,
    finished_at timestamptz,
    note text,
    error text,
    PRIMARY KEY (workflow_id, position)
);

-- Starts a workflow once for its business key; answers its id, or null when it had been started before.
CREATE FUNCTION masterlinc.start_workflow(
    new_id uuid, workflow_name text, plan_version int, plan_agent text, key text, organization uuid, plan jsonb
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent)
        VALUES (new_id, workflow_name, plan_version, key, organization, plan_agent)
        ON CONFLICT (name, business_key) DO NOTHING RETURNING id INTO made;
    IF made IS NOT NULL THEN
        INSERT INTO masterlinc.workflow_step (workflow_id, position, name, task, outside, max_attempts)
            SELECT made, p.ordinality, p.value ->> 'name', p.value ->> 'task', (p.value ->> 'outside')::boolean,
                (p.value ->> 'max_attempts')::int
            FROM jsonb_array_elements(plan) WITH ORDINALITY AS p;
    END IF;
    RETURN made;
END $$;

-- Audit: one row a change and a read of health data, in the same transaction; `app` cannot change or delete it.
CREATE TABLE masterlinc.audit_event (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    actor_kind text NOT NULL,
    session_id uuid,
    trace_id text NOT NULL,
    action text NOT NULL CHECK (length(action) BETWEEN 3 AND 80),
    resource text NOT NULL,
    resource_id text NOT NULL,
    patient uuid,
    outcome text NOT NULL,
    detail jsonb NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
) PARTITION BY RANGE (id);
{partitioned("masterlinc.audit_event")}
{tenant_table_policy("masterlinc.audit_event", check="true")}

CREATE TABLE masterlinc.audit_patient (
    patient uuid NOT NULL,
    event_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    PRIMARY KEY (patient, event_id)
);
{tenant_table_policy("masterlinc.audit_patient", check="true")}

CREATE FUNCTION masterlinc.write_audit(actor uuid, kind text, session uuid, trace text, events jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO masterlinc.audit_event
            (id, organization_id, actor_id, actor_kind, session_id, trace_id, action, resource, resource_id, patient, outcome, detail)
        SELECT e.id, e.organization_id, actor, kind, session, trace, e.action, e.resource, e.resource_id, e.patient, e.outcome, e.detail
        FROM jsonb_to_recordset(events) AS e(id uuid, organization_id uuid, action text, resource text, resource_id text,
            patient uuid, outcome text, detail jsonb);
    INSERT INTO masterlinc.audit_patient (patient, event_id, organization_id)
        SELECT e.patient, e.id, e.organization_id
        FROM jsonb_to_recordset(events) AS e(id uuid, organization_id uuid, patient uuid)
        WHERE e.patient IS NOT NULL AND e.organization_id IS NOT NULL;
END $$;

GRANT SELECT ON masterlinc.partitioned_table TO masterlinc_app;
GRANT SELECT, INSERT ON masterlinc.event TO masterlinc_app;
GRANT SELECT, INSERT, UPDATE ON masterlinc.aggregate, masterlinc.delivery, masterlinc.workflow, masterlinc.workflow_step
    TO masterlinc_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON masterlinc.subscription TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
