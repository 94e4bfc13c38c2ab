"""A claim's service group goes by the code as the exchange knows it, where the provider's own system says nothing."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0007"
VERSION = "1.38.0"
DESCRIPTION = "research by normalised code"

SQL = """
CREATE FUNCTION claimlinc.official_system(line claimlinc.claim_line) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT n.system FROM claimlinc.normalized_line n
    WHERE n.organization_id = line.organization_id AND n.claim_id = line.claim_id AND n.sequence = line.sequence
        AND n.source <> 'none'
    ORDER BY n.number DESC LIMIT 1
$$;

-- The function of 0006, but for the one place that reads a line's system.
DO $do$
DECLARE
    before text := pg_get_functiondef('claimlinc.publish_research(date, integer)'::regprocedure);
    after text := replace(before, 'regexp_replace(x.system,', 'regexp_replace(coalesce(claimlinc.official_system(x), x.system),');
BEGIN
    ASSERT after <> before, 'claimlinc.publish_research is not that of 0006';
    EXECUTE after;
END $do$;
"""


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL)
