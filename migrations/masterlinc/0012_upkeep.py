from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0012_upkeep"
VERSION = "1.38.0"
DESCRIPTION = "Messages are forgotten after their time, and counted while nobody has read them"

SQL = """
-- What a message said goes after its time; its row stays, so that no id and no key comes again.
ALTER TABLE masterlinc.message
    ALTER COLUMN content DROP NOT NULL,
    ADD COLUMN forgotten_at timestamptz,
    ADD CONSTRAINT message_has_content_or_is_forgotten CHECK ((content IS NULL) = (forgotten_at IS NOT NULL));
CREATE INDEX message_seen ON masterlinc.message (sent_at)
    WHERE forgotten_at IS NULL AND (acknowledged_at IS NOT NULL OR workflow_id IS NOT NULL);
CREATE INDEX message_unread ON masterlinc.message (receiver) WHERE acknowledged_at IS NULL AND workflow_id IS NULL;

-- Forgets the content of a batch of messages that were acknowledged, or whose task ended, before a moment; unread ones stay.
CREATE FUNCTION masterlinc.forget_messages(until timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    gone int;
BEGIN
    UPDATE masterlinc.message m SET content = NULL, forgotten_at = now()
        FROM (SELECT o.organization_id, o.id FROM masterlinc.message o LEFT JOIN masterlinc.workflow w ON w.id = o.workflow_id
            WHERE o.forgotten_at IS NULL AND (o.acknowledged_at IS NOT NULL OR o.workflow_id IS NOT NULL)
                AND o.sent_at <= least(until, now())
                AND (o.acknowledged_at <= least(until, now()) OR w.finished_at <= least(until, now()))
            ORDER BY o.sent_at LIMIT least(batch, 10000) FOR UPDATE OF o SKIP LOCKED) old
        WHERE m.organization_id = old.organization_id AND m.id = old.id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
REVOKE ALL ON FUNCTION masterlinc.forget_messages(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.forget_messages(timestamptz, int) TO masterlinc_app;

-- As before; a moment to come counts as now, since it is a caller's clock that says it.
CREATE OR REPLACE FUNCTION masterlinc.forget_deliveries(before timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    gone int;
BEGIN
    DELETE FROM masterlinc.delivery d USING (
        SELECT o.subscription, o.event_id FROM masterlinc.delivery o
        WHERE o.state = 'done' AND o.finished_at < least(before, now())
        ORDER BY o.finished_at LIMIT least(batch, 10000) FOR UPDATE SKIP LOCKED
    ) old WHERE d.subscription = old.subscription AND d.event_id = old.event_id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
CREATE OR REPLACE FUNCTION masterlinc.forget_replays(before timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
DECLARE
    gone int;
BEGIN
    DELETE FROM masterlinc.replay r WHERE r.id IN (
        SELECT o.id FROM masterlinc.replay o WHERE o.finished_at < least(before, now()) LIMIT least(batch, 10000));
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

-- How many messages lie unread in the inboxes of agents, over all organizations: numbers only, and no further than `most`.
CREATE FUNCTION masterlinc.unread(agents text[], most int) RETURNS TABLE (agent text, messages bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, masterlinc AS $$
    SELECT one.agent, (SELECT count(*) FROM (SELECT FROM masterlinc.message m
        WHERE m.receiver = one.agent AND m.acknowledged_at IS NULL AND m.workflow_id IS NULL LIMIT least(most, 10000)) x)
    FROM unnest(agents) AS one (agent)
$$;
REVOKE ALL ON FUNCTION masterlinc.unread(text[], int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION masterlinc.unread(text[], int) TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
