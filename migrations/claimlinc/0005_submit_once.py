"""Recording a claim under an Idempotency-Key: key, claim and kept answer in one call."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0005"
VERSION = "1.38.0"
DESCRIPTION = "claimlinc.submit_once"

SQL = """
-- `answer` is what a new claim will be answered. It is kept only where the claim was recorded by this call: a double of
-- another request wrote nothing, so there is nothing to keep.
CREATE FUNCTION claimlinc.submit_once(
    scope text, answer masterlinc.idempotency, doc jsonb, sealed bytea, attachments bytea[], plan jsonb,
    actor uuid, actor_kind text, session_id uuid, trace_id text,
    OUT key_state text, OUT kept_status smallint, OUT kept_response bytea,
    OUT claim_id uuid, OUT claim_status text, OUT recorded_at timestamptz, OUT duplicate boolean, OUT same boolean
) LANGUAGE plpgsql AS $$
BEGIN
    IF scope IS NOT NULL THEN
        PERFORM set_config('masterlinc.orgs', scope, true);
    END IF;
    SELECT * INTO key_state, kept_status, kept_response FROM masterlinc.take_key(answer);
    IF key_state = 'new' THEN
        SELECT * INTO claim_id, claim_status, recorded_at, duplicate, same
            FROM claimlinc.submit(NULL, doc, sealed, attachments, plan, actor, actor_kind, session_id, trace_id);
        IF NOT duplicate THEN
            PERFORM masterlinc.keep_answer(answer);
        END IF;
    END IF;
END $$;
"""


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL)
