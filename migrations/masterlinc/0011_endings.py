from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0011_endings"
VERSION = "1.38.0"
DESCRIPTION = "Deliveries belong to processes, which tell who is not well; deadlines of what is retried or parked; versions of schedules"

SQL = """
-- Whose a delivery is while it runs: what a process had taken need not wait for its lease when that process has ended.
ALTER TABLE masterlinc.delivery ADD COLUMN lease_owner uuid;
CREATE INDEX delivery_leased ON masterlinc.delivery (lease_owner) WHERE lease_owner IS NOT NULL;

-- A start that did not come to its end has attempts and no error; one that was put back in order has both, or neither.
CREATE FUNCTION masterlinc.take_over_deliveries(dead uuid[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    taken int;
BEGIN
    UPDATE masterlinc.delivery d SET lease_owner = NULL, next_at = least(d.next_at, now())
        FROM (SELECT x.subscription, x.event_id FROM masterlinc.delivery x
            WHERE x.lease_owner = ANY (dead) AND x.state = 'pending' LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED) theirs
        WHERE d.subscription = theirs.subscription AND d.event_id = theirs.event_id;
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END $$;

ALTER TABLE masterlinc.process ADD COLUMN unwell text[] NOT NULL DEFAULT '{}';

-- A process says that it lives, and which of its agents are not well, and takes over what dead ones left; answers how many
-- workflows and deliveries that were.
DROP FUNCTION masterlinc.beat(uuid, text, text, int, text, text[], text, interval, interval, int, uuid[], boolean);
CREATE FUNCTION masterlinc.beat(
    process uuid, process_name text, its_host text, its_pid int, its_address text, served text[], its_version text,
    age interval, its_lease interval, works_on int, minds uuid[], is_draining boolean, not_well text[] DEFAULT '{}'
) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    dead uuid[];
BEGIN
    INSERT INTO masterlinc.process
            (id, name, host, pid, address, agents, version, started_at, beat_at, lease, running, draining, unwell)
        VALUES (process, process_name, its_host, its_pid, its_address, served, its_version, now() - age, now(), its_lease,
            works_on, is_draining, not_well)
        ON CONFLICT (id) DO UPDATE SET beat_at = now(), lease = excluded.lease, running = excluded.running,
            draining = excluded.draining, unwell = excluded.unwell;
    DELETE FROM masterlinc.process WHERE id IN (
        SELECT p.id FROM masterlinc.process p
        WHERE p.beat_at < now() - interval '1 hour' AND NOT masterlinc.lives(p.beat_at, p.lease) FOR UPDATE SKIP LOCKED);
    dead := ARRAY(SELECT p.id FROM masterlinc.process p WHERE NOT masterlinc.lives(p.beat_at, p.lease));
    RETURN masterlinc.take_over(dead, process, minds, its_lease) + masterlinc.take_over_deliveries(dead);
END $$;

-- A process ends in order: others go on at once with what it had not finished; answers how many pieces of work that were.
-- What of it still runs holds its row locked, and is left to the lease.
CREATE OR REPLACE FUNCTION masterlinc.leave(process uuid) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    released int;
    put_back int;
BEGIN
    UPDATE masterlinc.workflow w SET lease_owner = NULL, wake_at = least(w.wake_at, now()), changed_at = clock_timestamp()
        WHERE w.lease_owner = process;
    GET DIAGNOSTICS released = ROW_COUNT;
    UPDATE masterlinc.delivery d SET lease_owner = NULL, next_at = least(d.next_at, now()),
            attempts = greatest(d.attempts - 1, 0), error = 'put back'
        FROM (SELECT x.subscription, x.event_id FROM masterlinc.delivery x
            WHERE x.lease_owner = process AND x.state = 'pending' FOR NO KEY UPDATE SKIP LOCKED) mine
        WHERE d.subscription = mine.subscription AND d.event_id = mine.event_id;
    GET DIAGNOSTICS put_back = ROW_COUNT;
    DELETE FROM masterlinc.process p WHERE p.id = process;
    RETURN released + put_back;
END $$;

-- For who holds the database alone: every process of before has ended.
CREATE OR REPLACE FUNCTION masterlinc.bury() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    dead uuid[] := ARRAY(SELECT p.id FROM masterlinc.process p);
    taken int := masterlinc.take_over(dead, NULL, '{}', interval '0') + masterlinc.take_over_deliveries(dead);
BEGIN
    DELETE FROM masterlinc.process;
    RETURN taken;
END $$;

-- A workflow's deadline counts from its last retry on.
ALTER TABLE masterlinc.workflow ADD COLUMN retried_at timestamptz;

DROP INDEX masterlinc.workflow_due;
CREATE INDEX workflow_due ON masterlinc.workflow (agent, urgency, wake_at)
    WHERE lease_owner IS NULL AND status IN ('running', 'waiting', 'undoing', 'parked');

-- As before, and parked workflows whose deadline has passed: they end as it says. It is called all the time and mostly finds
-- nothing or little, so it looks first, and is planned once and along the indexes.
CREATE OR REPLACE FUNCTION masterlinc.claim_workflows(process uuid, served text[], at_most int) RETURNS TABLE (
    id uuid, name text, version int, business_key text, organization_id uuid, agent text, status text, stopping text,
    on_failure text, actor text, deadline timestamptz, parent_id uuid, starts int, crashes int, wakes int,
    moment timestamptz, steps json, positions smallint[], inputs bytea[], outputs bytea[], undo_inputs bytea[],
    signal_ids uuid[], signal_names text[], signal_payloads bytea[], children json
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    taken uuid[];
BEGIN
    IF NOT EXISTS (
        SELECT FROM masterlinc.workflow w
        WHERE w.lease_owner IS NULL AND w.status IN ('running', 'waiting', 'undoing', 'parked') AND w.agent = ANY (served)
            AND w.urgency = ANY ('{0,1,2}') AND w.wake_at <= now()
    ) THEN
        RETURN;
    END IF;
    WITH due AS (
        SELECT oldest.id FROM unnest(served) AS mine (agent), generate_series(0, 2) AS rank (urgency), LATERAL (
            SELECT w.id, w.urgency, w.wake_at FROM masterlinc.workflow w
            WHERE w.lease_owner IS NULL AND w.status IN ('running', 'waiting', 'undoing', 'parked')
                AND w.agent = mine.agent AND w.urgency = rank.urgency AND w.wake_at <= now()
            ORDER BY w.wake_at LIMIT at_most FOR UPDATE SKIP LOCKED
        ) oldest
        ORDER BY oldest.urgency, oldest.wake_at LIMIT at_most
    ), leased AS (
        UPDATE masterlinc.workflow w SET lease_owner = process, starts = w.starts + 1, changed_at = now(),
            status = CASE WHEN w.status IN ('waiting', 'parked') THEN 'running' ELSE w.status END
        FROM due WHERE w.id = due.id RETURNING w.id, w.organization_id
    )
    SELECT array_agg(leased.id), set_config('masterlinc.orgs', array_agg(DISTINCT leased.organization_id)::text, true)
        INTO taken FROM leased;
    IF taken IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT w.id, w.name, w.version, w.business_key, w.organization_id, w.agent, w.status, w.stopping,
            w.on_failure, w.actor::text, w.deadline, w.parent_id, w.starts, w.crashes, w.wakes, clock_timestamp(),
            s.steps, p.positions, p.inputs, p.outputs, p.undo_inputs, g.ids, g.names, g.payloads,
            (SELECT json_agg(json_build_object('position', c.parent_position, 'status', c.status, 'id', c.id))
                FROM masterlinc.workflow c WHERE c.parent_id = w.id)
        FROM masterlinc.workflow w,
            LATERAL (SELECT json_agg(x ORDER BY x.position) AS steps FROM masterlinc.workflow_step x WHERE x.workflow_id = w.id) s,
            LATERAL (SELECT array_agg(x.position) AS positions, array_agg(x.input) AS inputs, array_agg(x.output) AS outputs,
                    array_agg(x.undo_input) AS undo_inputs
                FROM masterlinc.step_payload x WHERE x.organization_id = w.organization_id AND x.workflow_id = w.id) p,
            LATERAL (SELECT array_agg(x.id ORDER BY x.id) AS ids, array_agg(x.name ORDER BY x.id) AS names,
                    array_agg(x.payload ORDER BY x.id) AS payloads
                FROM masterlinc.workflow_signal x
                WHERE x.organization_id = w.organization_id AND x.workflow_id = w.id AND x.taken_by IS NULL) g
        WHERE w.id = ANY (taken);
END $$;

ALTER TABLE masterlinc.schedule ADD COLUMN version text NOT NULL DEFAULT '0';
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
