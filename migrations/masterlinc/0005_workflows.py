from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration, tenant_table_policy

ID = "0005_workflows"
VERSION = "1.38.0"
DESCRIPTION = "Workflows as graphs: leases of processes, signals, timers, undoing, payloads, timeline, schedules"

SQL = f"""
-- A workflow is leased whole by one process; the fence of a checkpoint is (lease_owner, starts).
DROP INDEX masterlinc.workflow_due;
ALTER TABLE masterlinc.workflow
    DROP COLUMN leased_until,
    DROP CONSTRAINT workflow_status_check,
    ADD CONSTRAINT workflow_status_check
        CHECK (status IN ('running', 'waiting', 'undoing', 'done', 'failed', 'cancelled', 'parked')),
    ADD COLUMN priority smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 1 AND 10),
    ADD COLUMN urgency smallint NOT NULL DEFAULT 1 CHECK (urgency BETWEEN 0 AND 2),
    ADD COLUMN on_failure text NOT NULL DEFAULT 'park' CHECK (on_failure IN ('park', 'fail', 'undo')),
    ADD COLUMN stopping text CHECK (stopping IN ('failed', 'cancelled')),
    ADD COLUMN title text,
    ADD COLUMN actor jsonb,
    ADD COLUMN started_by uuid,
    ADD COLUMN deadline timestamptz,
    ADD COLUMN parent_id uuid,
    ADD COLUMN parent_position smallint,
    ADD COLUMN forked_from uuid,
    ADD COLUMN crashes int NOT NULL DEFAULT 0,
    ADD COLUMN wakes int NOT NULL DEFAULT 0,
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN forgotten_at timestamptz,
    ADD CONSTRAINT workflow_undoing_has_an_end CHECK (status <> 'undoing' OR stopping IS NOT NULL),
    SET (fillfactor = 70);
UPDATE masterlinc.workflow SET lease_owner = NULL WHERE lease_owner IS NOT NULL;
CREATE INDEX workflow_due ON masterlinc.workflow (agent, urgency, wake_at)
    WHERE lease_owner IS NULL AND status IN ('running', 'waiting', 'undoing');
CREATE INDEX workflow_leased ON masterlinc.workflow (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX workflow_of_organization ON masterlinc.workflow (organization_id, id);
CREATE INDEX workflow_parked ON masterlinc.workflow (organization_id, id) WHERE status = 'parked';
CREATE INDEX workflow_of_parent ON masterlinc.workflow (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX workflow_ended ON masterlinc.workflow (finished_at) WHERE finished_at IS NOT NULL AND forgotten_at IS NULL;

ALTER TABLE masterlinc.workflow_step
    DROP CONSTRAINT workflow_step_status_check,
    ADD CONSTRAINT workflow_step_status_check CHECK
        (status IN ('pending', 'running', 'waiting', 'done', 'failed', 'skipped', 'parked', 'undone')),
    ADD COLUMN kind text NOT NULL DEFAULT 'task' CHECK (kind IN ('task', 'signal', 'timer', 'workflow')),
    ADD COLUMN task_version int NOT NULL DEFAULT 1 CHECK (task_version > 0),
    ADD COLUMN agent text NOT NULL DEFAULT '',
    ADD COLUMN depends_on smallint[] NOT NULL DEFAULT '{{}}',
    ADD COLUMN timeout_seconds numeric(12, 3) CHECK (timeout_seconds >= 0 AND timeout_seconds < 1e9),
    ADD COLUMN undo text NOT NULL DEFAULT '',
    ADD COLUMN undo_attempts int NOT NULL DEFAULT 0,
    ADD COLUMN wake_at timestamptz,
    ADD COLUMN wakes int NOT NULL DEFAULT 0,
    SET (fillfactor = 70);
UPDATE masterlinc.workflow_step SET agent = split_part(task, '.', 1),
    depends_on = CASE WHEN position > 1 THEN ARRAY[position - 1]::smallint[] ELSE '{{}}' END;

-- What steps are given and answer: sealed, of one organization, apart from the rows that the engine turns over.
CREATE TABLE masterlinc.step_payload (
    organization_id uuid NOT NULL,
    workflow_id uuid NOT NULL,
    position smallint NOT NULL CHECK (position >= 0), -- 0: the workflow's context
    input bytea,
    output bytea,
    undo_input bytea,
    PRIMARY KEY (organization_id, workflow_id, position)
);
{tenant_table_policy("masterlinc.step_payload", grants="SELECT, INSERT, UPDATE (output)")}

CREATE TABLE masterlinc.workflow_signal (
    organization_id uuid NOT NULL,
    workflow_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    payload bytea,
    at timestamptz NOT NULL DEFAULT now(),
    taken_by smallint, -- the position of the step that it went to
    PRIMARY KEY (organization_id, workflow_id, id)
);
{tenant_table_policy("masterlinc.workflow_signal", grants="SELECT, INSERT, UPDATE (taken_by)")}

-- The timeline, besides what the steps' own rows tell.
CREATE TABLE masterlinc.workflow_note (
    workflow_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CHECK (kind IN ('failed', 'parked', 'signalled', 'cancelled', 'retried', 'forked', 'taken_over',
        'undone', 'timed_out')),
    step text,
    detail text,
    actor uuid,
    PRIMARY KEY (workflow_id, id)
);

CREATE TABLE masterlinc.schedule (
    name text PRIMARY KEY,
    agent text NOT NULL,
    workflow text NOT NULL,
    cron text NOT NULL,
    next_at timestamptz NOT NULL,
    last_at timestamptz
);

-- Starts a workflow once for its business key; answers its id, or null when it had been started before.
DROP FUNCTION masterlinc.start_workflow(uuid, text, int, text, text, uuid, jsonb);
CREATE FUNCTION masterlinc.start_workflow(
    new_id uuid, workflow_name text, plan_version int, plan_agent text, key text, organization uuid, plan jsonb,
    options jsonb DEFAULT '{{}}'
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
    rank smallint := coalesce((options ->> 'priority')::smallint, 5);
BEGIN
    INSERT INTO masterlinc.workflow (id, name, version, business_key, organization_id, agent, priority, urgency, on_failure,
            title, actor, started_by, deadline, parent_id, parent_position, forked_from)
        VALUES (new_id, workflow_name, plan_version, key, organization, plan_agent, rank,
            CASE WHEN rank <= 3 THEN 0 WHEN rank <= 7 THEN 1 ELSE 2 END, coalesce(options ->> 'on_failure', 'park'),
            options ->> 'title', options -> 'actor', (options ->> 'started_by')::uuid,
            now() + make_interval(secs => (options ->> 'timeout_seconds')::double precision),
            (options ->> 'parent_id')::uuid, (options ->> 'parent_position')::smallint, (options ->> 'forked_from')::uuid)
        ON CONFLICT (name, business_key) DO NOTHING RETURNING id INTO made;
    IF made IS NOT NULL THEN
        INSERT INTO masterlinc.workflow_step (workflow_id, position, name, task, outside, max_attempts, kind, task_version,
                agent, depends_on, timeout_seconds, undo)
            SELECT made, p.ordinality, s.name, coalesce(s.task, ''), coalesce(s.outside, false), coalesce(s.max_attempts, 8),
                coalesce(s.kind, 'task'), coalesce(s.task_version, 1), coalesce(s.agent, ''),
                coalesce(s.depends_on, '{{}}'), s.timeout_seconds, coalesce(s.undo, '')
            FROM jsonb_array_elements(plan) WITH ORDINALITY AS p,
                jsonb_to_record(p.value) AS s (name text, task text, outside boolean, max_attempts int, kind text,
                    task_version int, agent text, depends_on smallint[], timeout_seconds numeric, undo text);
    END IF;
    RETURN made;
END $$;

-- Leases due workflows to a process and hands it all that is known of them: one round trip. It is called all the time and
-- mostly finds nothing or little, so it looks first, and is planned once and along the indexes.
CREATE FUNCTION masterlinc.claim_workflows(process uuid, served text[], at_most int) RETURNS TABLE (
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
        WHERE w.lease_owner IS NULL AND w.status IN ('running', 'waiting', 'undoing') AND w.agent = ANY (served)
            AND w.urgency = ANY ('{{0,1,2}}') AND w.wake_at <= now()
    ) THEN
        RETURN;
    END IF;
    WITH due AS (
        SELECT oldest.id FROM unnest(served) AS mine (agent), generate_series(0, 2) AS rank (urgency), LATERAL (
            SELECT w.id, w.urgency, w.wake_at FROM masterlinc.workflow w
            WHERE w.lease_owner IS NULL AND w.status IN ('running', 'waiting', 'undoing')
                AND w.agent = mine.agent AND w.urgency = rank.urgency AND w.wake_at <= now()
            ORDER BY w.wake_at LIMIT at_most FOR UPDATE SKIP LOCKED
        ) oldest
        ORDER BY oldest.urgency, oldest.wake_at LIMIT at_most
    ), leased AS (
        UPDATE masterlinc.workflow w SET lease_owner = process, starts = w.starts + 1, changed_at = now(),
            status = CASE w.status WHEN 'waiting' THEN 'running' ELSE w.status END
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

-- Writes how far workflows have come, for those that are still leased to the process; answers these.
-- Rows are locked in the order of their ids, parents with their children.
CREATE FUNCTION masterlinc.checkpoint(
    process uuid, flows json, step_rows json, notes json, taken json,
    out_workflows uuid[], out_positions smallint[], out_values bytea[]
) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    named uuid[];
    parents uuid[];
    kept uuid[];
    scope uuid[];
BEGIN
    SELECT array_agg(f.id), array_agg(f.parent) FILTER (WHERE f.parent IS NOT NULL) INTO named, parents
        FROM json_to_recordset(flows) AS f (id uuid, parent uuid);
    WITH said AS (
        SELECT f.id, f.starts FROM json_to_recordset(flows) AS f (id uuid, starts int)
    ), locked AS (
        SELECT w.id, w.starts, w.lease_owner, w.organization_id FROM masterlinc.workflow w
        WHERE w.id = ANY (named || parents)
        ORDER BY w.id FOR NO KEY UPDATE
    )
    SELECT array_agg(locked.id), array_agg(DISTINCT locked.organization_id) INTO kept, scope
        FROM locked JOIN said USING (id, starts) WHERE locked.lease_owner = process;
    IF kept IS NULL THEN
        RETURN '{{}}';
    END IF;
    UPDATE masterlinc.workflow_step s SET status = r.status, attempts = r.attempts, undo_attempts = r.undo_attempts,
            started_at = coalesce(r.started_at, s.started_at), finished_at = r.finished_at, note = r.note, error = r.error,
            wake_at = r.wake_at, wakes = r.wakes
        FROM json_to_recordset(step_rows) AS r (workflow_id uuid, position smallint, status text, attempts int,
            undo_attempts int, started_at timestamptz, finished_at timestamptz, note text, error text, wake_at timestamptz,
            wakes int)
        WHERE s.workflow_id = r.workflow_id AND s.position = r.position AND s.workflow_id = ANY (kept);
    IF out_workflows <> '{{}}' OR taken IS NOT NULL THEN
        PERFORM set_config('masterlinc.orgs', scope::text, true);
        INSERT INTO masterlinc.step_payload AS p (organization_id, workflow_id, position, output)
            SELECT w.organization_id, o.workflow_id, o.position, o.output
            FROM unnest(out_workflows, out_positions, out_values) AS o (workflow_id, position, output)
            JOIN masterlinc.workflow w ON w.id = o.workflow_id
            WHERE o.workflow_id = ANY (kept)
            ON CONFLICT (organization_id, workflow_id, position) DO UPDATE SET output = excluded.output;
        UPDATE masterlinc.workflow_signal g SET taken_by = t.position
            FROM json_to_recordset(taken) AS t (workflow_id uuid, id uuid, position smallint)
            WHERE g.organization_id = ANY (scope) AND g.workflow_id = t.workflow_id AND g.id = t.id
                AND g.workflow_id = ANY (kept);
    END IF;
    UPDATE masterlinc.workflow w SET
            status = CASE WHEN f.status = 'waiting' AND w.wakes <> f.wakes THEN 'running' ELSE f.status END,
            stopping = f.stopping, agent = coalesce(f.agent, w.agent), error = f.error, changed_at = clock_timestamp(),
            crashes = f.crashes,
            lease_owner = CASE WHEN f.release THEN NULL ELSE w.lease_owner END,
            wake_at = CASE WHEN NOT f.release THEN w.wake_at
                WHEN w.wakes <> f.wakes THEN now()
                ELSE least(coalesce(f.wake_at, 'infinity'), CASE WHEN f.stopping IS NULL THEN w.deadline END) END,
            finished_at = CASE WHEN f.status IN ('done', 'failed', 'cancelled') THEN clock_timestamp() END
        FROM json_to_recordset(flows) AS f (id uuid, status text, stopping text, agent text, error text, crashes int,
            wakes int, release boolean, wake_at timestamptz)
        WHERE w.id = f.id AND w.id = ANY (kept);
    IF parents IS NOT NULL THEN
        UPDATE masterlinc.workflow w SET wakes = w.wakes + 1,
                wake_at = CASE WHEN w.lease_owner IS NULL THEN now() ELSE w.wake_at END,
                status = CASE w.status WHEN 'waiting' THEN 'running' ELSE w.status END
            FROM json_to_recordset(flows) AS f (id uuid, status text, parent uuid)
            WHERE w.id = f.parent AND f.id = ANY (kept) AND f.status IN ('done', 'failed', 'cancelled')
                AND w.status IN ('running', 'waiting');
    END IF;
    IF notes IS NOT NULL THEN
        INSERT INTO masterlinc.workflow_note (workflow_id, id, kind, step, detail)
            SELECT n.workflow_id, n.id, n.kind, n.step, n.detail
            FROM json_to_recordset(notes) AS n (workflow_id uuid, id uuid, kind text, step text, detail text)
            WHERE n.workflow_id = ANY (kept);
    END IF;
    RETURN kept;
END $$;

-- The steps and payloads of what ended long ago go; the workflow's row stays, so that its id and key never come again.
CREATE FUNCTION masterlinc.forget_workflows(until timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    old uuid[];
    scope uuid[];
BEGIN
    SELECT array_agg(o.id), array_agg(DISTINCT o.organization_id) INTO old, scope FROM (
        SELECT w.id, w.organization_id FROM masterlinc.workflow w
        WHERE w.finished_at <= least(until, now()) AND w.forgotten_at IS NULL
        ORDER BY w.finished_at LIMIT least(batch, 10000) FOR UPDATE SKIP LOCKED
    ) o;
    IF old IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM masterlinc.step_payload p WHERE p.organization_id = ANY (scope) AND p.workflow_id = ANY (old);
    DELETE FROM masterlinc.workflow_signal g WHERE g.organization_id = ANY (scope) AND g.workflow_id = ANY (old);
    DELETE FROM masterlinc.workflow_note n WHERE n.workflow_id = ANY (old);
    DELETE FROM masterlinc.workflow_step s WHERE s.workflow_id = ANY (old);
    UPDATE masterlinc.workflow w SET forgotten_at = now(), title = NULL, actor = NULL, error = NULL WHERE w.id = ANY (old);
    RETURN cardinality(old);
END $$;
REVOKE ALL ON FUNCTION masterlinc.forget_workflows(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.forget_workflows(timestamptz, int) TO masterlinc_app;

GRANT SELECT, INSERT ON masterlinc.workflow_note TO masterlinc_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON masterlinc.schedule TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
