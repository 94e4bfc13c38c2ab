from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0004_one_call"
VERSION = "1.38.0"
DESCRIPTION = "What an agent's one-statement calls share: keys of requests, and numbers as they are seen outside"

SQL = """
-- The lock comes first and the look after it. Each statement of a plpgsql function sees what was committed before it
-- began, and a transaction's locks go after its commit is seen: who holds the lock misses no answer. It turns away
-- whoever comes while the first is at work, without waiting.
CREATE FUNCTION masterlinc.take_key(
    wanted masterlinc.idempotency, OUT key_state text, OUT kept_status smallint, OUT kept_response bytea
) LANGUAGE plpgsql AS $$
DECLARE
    place bytea := sha256(uuid_send(wanted.organization_id) || uuid_send(wanted.principal_id) || wanted.key_hash
        || convert_to(wanted.route, 'UTF8'));
    free boolean := pg_try_advisory_xact_lock(('x' || encode(substr(place, 1, 8), 'hex'))::bit(64)::bigint);
    kept masterlinc.idempotency;
BEGIN
    SELECT * INTO kept FROM masterlinc.idempotency i
        WHERE i.organization_id = wanted.organization_id AND i.principal_id = wanted.principal_id
            AND i.route = wanted.route AND i.key_hash = wanted.key_hash AND i.expires_at > wanted.created_at;
    IF NOT FOUND THEN
        key_state := CASE WHEN free THEN 'new' ELSE 'in_flight' END;
    ELSIF kept.request_hash <> wanted.request_hash THEN
        key_state := 'reused';
    ELSE
        key_state := 'kept';
        kept_status := kept.status;
        kept_response := kept.response;
    END IF;
END $$;

-- For who has taken the key: a row that is there has expired.
CREATE FUNCTION masterlinc.keep_answer(answer masterlinc.idempotency) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO masterlinc.idempotency SELECT (answer).*
        ON CONFLICT (organization_id, principal_id, route, key_hash) DO UPDATE SET request_hash = excluded.request_hash,
            status = excluded.status, response = excluded.response, created_at = excluded.created_at,
            expires_at = excluded.expires_at;
END $$;

-- A key as it is seen outside: the prefix and 26 characters of Crockford's base 32.
CREATE FUNCTION masterlinc.show_id(prefix text, key uuid) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT prefix || '-' || string_agg(
        substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + substring(bits FROM 1 + 5 * place FOR 5)::bit(5)::int, 1), '' ORDER BY place)
    FROM (SELECT B'00' || ('x' || encode(uuid_send(key), 'hex'))::bit(128) AS bits) AS number, generate_series(0, 25) AS place
$$;
"""


async def forwards() -> MigrationManager:
    return migration("masterlinc", ID, DESCRIPTION, SQL)
