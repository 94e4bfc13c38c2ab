from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0006_processes"
VERSION = "1.38.0"
DESCRIPTION = "Processes that live, and taking over the work of those that do not"

SQL = """
-- One row for each process that runs. Every time is the database's own, so that a host's clock decides nothing.
CREATE TABLE masterlinc.process (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    host text NOT NULL,
    pid int NOT NULL CHECK (pid > 0),
    address text NOT NULL,
    agents text[] NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    lease interval NOT NULL CHECK (lease > interval '0'),
    running int NOT NULL CHECK (running >= 0),
    draining boolean NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON masterlinc.process TO masterlinc_app;

-- While the database is away nobody can beat: the time that it was away counts against no process.
CREATE FUNCTION masterlinc.lives(beat_at timestamptz, lease interval) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT greatest(beat_at, pg_postmaster_start_time()) >= now() - lease $$;

CREATE FUNCTION masterlinc.new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT (left(t.id::text, 15) || substr(r.id::text, 16, 4) || '8' || substr(r.id::text, 21))::uuid
    FROM masterlinc.lowest_id(clock_timestamp()) AS t (id), gen_random_uuid() AS r (id)
$$;

-- Takes away the leases of these processes, and old ones that nobody minds: of processes that are not known, and of the
-- caller where it does not know of them (the answer to its claim was lost, say). Answers how many.
-- What a hung process still holds locked is left for the next beat: a beat must not wait for it.
CREATE FUNCTION masterlinc.take_over(dead uuid[], caller uuid, minds uuid[], old interval) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    taken int;
BEGIN
    WITH theirs AS (
        SELECT w.id, w.lease_owner FROM masterlinc.workflow w
        WHERE w.lease_owner IS NOT NULL AND (w.lease_owner = ANY (dead) OR w.changed_at < now() - old
            AND CASE WHEN w.lease_owner = caller THEN NOT w.id = ANY (minds)
                ELSE NOT EXISTS (SELECT FROM masterlinc.process p WHERE p.id = w.lease_owner) END)
        ORDER BY w.id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
    ), freed AS (
        UPDATE masterlinc.workflow w SET lease_owner = NULL, crashes = w.crashes + 1, wake_at = least(w.wake_at, now()),
            changed_at = clock_timestamp()
        FROM theirs WHERE w.id = theirs.id RETURNING w.id, theirs.lease_owner AS owner
    )
    INSERT INTO masterlinc.workflow_note (workflow_id, id, kind, detail)
        SELECT f.id, masterlinc.new_id(), 'taken_over', coalesce(p.name || ' ', '') || f.owner
        FROM freed f LEFT JOIN masterlinc.process p ON p.id = f.owner;
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END $$;

-- A process says that it lives, and takes over what dead ones left; answers how many workflows that were.
CREATE FUNCTION masterlinc.beat(
    process uuid, process_name text, its_host text, its_pid int, its_address text, served text[], its_version text,
    age interval, its_lease interval, works_on int, minds uuid[], is_draining boolean
) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO masterlinc.process
            (id, name, host, pid, address, agents, version, started_at, beat_at, lease, running, draining)
        VALUES (process, process_name, its_host, its_pid, its_address, served, its_version, now() - age, now(), its_lease,
            works_on, is_draining)
        ON CONFLICT (id) DO UPDATE SET beat_at = now(), lease = excluded.lease, running = excluded.running,
            draining = excluded.draining;
    DELETE FROM masterlinc.process WHERE id IN (
        SELECT p.id FROM masterlinc.process p
        WHERE p.beat_at < now() - interval '1 hour' AND NOT masterlinc.lives(p.beat_at, p.lease) FOR UPDATE SKIP LOCKED);
    RETURN masterlinc.take_over(
        ARRAY(SELECT p.id FROM masterlinc.process p WHERE NOT masterlinc.lives(p.beat_at, p.lease)), process, minds, its_lease);
END $$;

-- A process ends in order: others go on at once with what it had not finished; answers how many workflows that were.
CREATE FUNCTION masterlinc.leave(process uuid) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    released int;
BEGIN
    UPDATE masterlinc.workflow w SET lease_owner = NULL, wake_at = least(w.wake_at, now()), changed_at = clock_timestamp()
        WHERE w.lease_owner = process;
    GET DIAGNOSTICS released = ROW_COUNT;
    DELETE FROM masterlinc.process p WHERE p.id = process;
    RETURN released;
END $$;

-- For who holds the database alone: every process of before has ended.
CREATE FUNCTION masterlinc.bury() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    taken int := masterlinc.take_over(ARRAY(SELECT p.id FROM masterlinc.process p), NULL, '{}', interval '0');
BEGIN
    DELETE FROM masterlinc.process;
    RETURN taken;
END $$;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
