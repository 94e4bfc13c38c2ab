from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0007_events"
VERSION = "1.38.0"
DESCRIPTION = "Order of events that agrees with their aggregates, replays, dead letters, stream for outside, retention"

SQL = """
-- The xid alone can contradict the order inside of an aggregate: a transaction may have begun first and published
-- second. So an event carries the highest xid that its aggregate has seen, and (xid, aggregate_seq, id) is the order.
ALTER TABLE masterlinc.aggregate ADD COLUMN xid xid8 NOT NULL DEFAULT '0', ADD COLUMN last_event uuid;
UPDATE masterlinc.aggregate a SET xid = e.xid, last_event = e.id
    FROM (SELECT DISTINCT ON (aggregate) aggregate, xid, id FROM masterlinc.event ORDER BY aggregate, aggregate_seq DESC) e
    WHERE e.aggregate = a.id;
ALTER TABLE masterlinc.aggregate ALTER COLUMN xid DROP DEFAULT;
CREATE INDEX event_order ON masterlinc.event (xid, aggregate_seq, id);

ALTER TABLE masterlinc.subscription ADD COLUMN version text NOT NULL DEFAULT '0';
ALTER TABLE masterlinc.subscription ALTER COLUMN version DROP DEFAULT;

-- The fence counts every start and is never set back, as attempts are when a delivery is asked for again.
ALTER TABLE masterlinc.delivery
    ADD COLUMN organization_id uuid,
    ADD COLUMN queued_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN fence bigint NOT NULL DEFAULT 0;
UPDATE masterlinc.delivery d SET organization_id = e.organization_id, queued_at = e.created_at, fence = d.attempts,
        finished_at = CASE d.state WHEN 'parked' THEN coalesce(d.finished_at, now()) ELSE d.finished_at END
    FROM masterlinc.event e WHERE e.id = d.event_id;
ALTER TABLE masterlinc.delivery ALTER COLUMN organization_id SET NOT NULL;
CREATE INDEX delivery_parked ON masterlinc.delivery (organization_id, finished_at, event_id) WHERE state = 'parked';
CREATE INDEX delivery_done ON masterlinc.delivery (finished_at) WHERE state = 'done';

-- Aggregates are locked in one order, so that two transactions that publish for the same ones do not lock each other out.
CREATE OR REPLACE FUNCTION masterlinc.publish(events jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    one record;
    next_seq bigint;
    next_xid xid8;
    fanned int := 0;
    rows int;
BEGIN
    FOR one IN SELECT * FROM ROWS FROM (
            jsonb_to_recordset(events) AS (id uuid, organization_id uuid, name text, aggregate uuid, payload jsonb)
        ) WITH ORDINALITY AS e (id, organization_id, name, aggregate, payload, place) ORDER BY aggregate, place LOOP
        INSERT INTO masterlinc.aggregate AS a (id, seq, xid, last_event)
            VALUES (one.aggregate, 1, pg_current_xact_id(), one.id)
            ON CONFLICT (id) DO UPDATE SET seq = a.seq + 1, xid = greatest(a.xid, excluded.xid),
                last_event = greatest(a.last_event, excluded.last_event)
            RETURNING seq, xid INTO next_seq, next_xid;
        INSERT INTO masterlinc.event (id, organization_id, name, aggregate, aggregate_seq, payload, xid)
            VALUES (one.id, one.organization_id, one.name, one.aggregate, next_seq, one.payload, next_xid);
        INSERT INTO masterlinc.delivery (subscription, event_id, agent, organization_id, aggregate, aggregate_seq)
            SELECT s.name, one.id, s.agent, one.organization_id, one.aggregate, next_seq
            FROM masterlinc.subscription s WHERE s.event = one.name;
        GET DIAGNOSTICS rows = ROW_COUNT;
        fanned := fanned + rows;
    END LOOP;
    RETURN fanned;
END $$;

-- A replay queues the deliveries of a subscription anew. Until it has queued them all, the subscription stands still for
-- the organizations that it is for: else a later event would overtake an earlier one of its aggregate.
CREATE TABLE masterlinc.replay (
    id uuid PRIMARY KEY,
    subscription text NOT NULL,
    organizations uuid[], -- null: all
    since timestamptz, -- null: from an event on
    at_xid xid8 NOT NULL, -- the place of the last event that was looked at
    at_seq bigint NOT NULL,
    at_id uuid NOT NULL,
    until_xid xid8 NOT NULL,
    queued bigint NOT NULL DEFAULT 0,
    asked_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX replay_running ON masterlinc.replay (subscription) WHERE finished_at IS NULL;
CREATE INDEX replay_of_subscription ON masterlinc.replay (subscription, created_at);
GRANT SELECT, INSERT, UPDATE ON masterlinc.replay TO masterlinc_app;

-- Looks at the next events of a replay; null where another process is at it or it has come to its end. A delivery that
-- runs is waited for and queued again; one that was only taken is taken back by its fence.
CREATE FUNCTION masterlinc.advance_replay(wanted uuid, size int, OUT seen int, OUT finished boolean) LANGUAGE plpgsql AS $$
DECLARE
    replay masterlinc.replay;
    safe xid8 := pg_snapshot_xmin(pg_current_snapshot());
    made int;
    last record;
BEGIN
    SELECT * INTO replay FROM masterlinc.replay r WHERE r.id = wanted AND r.finished_at IS NULL FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    WITH looked AS MATERIALIZED (
        SELECT e.id, e.organization_id, e.name, e.aggregate, e.aggregate_seq, e.xid, e.created_at FROM masterlinc.event e
        WHERE (e.xid, e.aggregate_seq, e.id) > (replay.at_xid, replay.at_seq, replay.at_id)
            AND e.xid < least(safe, replay.until_xid)
        ORDER BY e.xid, e.aggregate_seq, e.id LIMIT size
    ), queued AS (
        INSERT INTO masterlinc.delivery AS d (subscription, event_id, agent, organization_id, aggregate, aggregate_seq)
            SELECT s.name, l.id, s.agent, l.organization_id, l.aggregate, l.aggregate_seq
            FROM looked l JOIN masterlinc.subscription s ON s.name = replay.subscription AND s.event = l.name
            WHERE (replay.organizations IS NULL OR l.organization_id = ANY (replay.organizations))
                AND (replay.since IS NULL OR l.created_at >= replay.since)
            ORDER BY l.xid, l.aggregate_seq, l.id
            ON CONFLICT (subscription, event_id) DO UPDATE SET state = 'pending', attempts = 0, fence = d.fence + 1,
                next_at = now(), queued_at = now(), finished_at = NULL, error = NULL
            RETURNING 1
    )
    SELECT l.xid, l.aggregate_seq, l.id, (SELECT count(*) FROM looked) AS seen, (SELECT count(*) FROM queued) AS queued
        INTO last FROM looked l ORDER BY l.xid DESC, l.aggregate_seq DESC, l.id DESC LIMIT 1;
    seen := coalesce(last.seen, 0);
    finished := seen < size AND safe >= replay.until_xid;
    UPDATE masterlinc.replay r SET at_xid = coalesce(last.xid, r.at_xid), at_seq = coalesce(last.aggregate_seq, r.at_seq),
            at_id = coalesce(last.id, r.at_id), queued = r.queued + coalesce(last.queued, 0),
            finished_at = CASE WHEN advance_replay.finished THEN clock_timestamp() END
        WHERE r.id = wanted;
END $$;

-- How far the stream for outside consumers has come. One process at a time writes it; the fence tells a former one.
CREATE TABLE masterlinc.stream (
    name text PRIMARY KEY,
    at_xid xid8 NOT NULL,
    at_seq bigint NOT NULL,
    at_id uuid NOT NULL,
    entry text NOT NULL, -- the last entry as Redis numbers it; empty: none
    sent bigint NOT NULL DEFAULT 0,
    lease_owner uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    fence bigint NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON masterlinc.stream TO masterlinc_app;

-- Forgets a batch of what was delivered before a moment; answers how many rows went.
CREATE FUNCTION masterlinc.forget_deliveries(before timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    gone int;
BEGIN
    DELETE FROM masterlinc.delivery d USING (
        SELECT o.subscription, o.event_id FROM masterlinc.delivery o WHERE o.state = 'done' AND o.finished_at < before
        ORDER BY o.finished_at LIMIT batch FOR UPDATE SKIP LOCKED
    ) old WHERE d.subscription = old.subscription AND d.event_id = old.event_id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

-- Forgets a batch of aggregates none of whose events is kept any more: their numbers begin anew and nobody can tell.
CREATE FUNCTION masterlinc.forget_aggregates(batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    oldest uuid := (SELECT e.id FROM masterlinc.event e ORDER BY e.id LIMIT 1);
    gone int;
BEGIN
    DELETE FROM masterlinc.aggregate a USING (
        SELECT o.id FROM masterlinc.aggregate o
        WHERE o.last_event < oldest
            AND NOT EXISTS (SELECT FROM masterlinc.delivery d WHERE d.aggregate = o.id AND d.state <> 'done')
        ORDER BY o.id LIMIT batch FOR UPDATE SKIP LOCKED
    ) old WHERE a.id = old.id AND a.last_event < oldest;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

-- Forgets a batch of replays that ended before a moment.
CREATE FUNCTION masterlinc.forget_replays(before timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    gone int;
BEGIN
    DELETE FROM masterlinc.replay r WHERE r.id IN (SELECT o.id FROM masterlinc.replay o WHERE o.finished_at < before LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

REVOKE ALL ON FUNCTION masterlinc.forget_deliveries(timestamptz, int), masterlinc.forget_aggregates(int),
    masterlinc.forget_replays(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.forget_deliveries(timestamptz, int), masterlinc.forget_aggregates(int),
    masterlinc.forget_replays(timestamptz, int) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
