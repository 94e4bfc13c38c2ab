"""Decisions are found in the order in which they were made, and the payers that made any."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0013"
VERSION = "1.38.0"
DESCRIPTION = "replay"

SQL = """
CREATE INDEX decision_by_time ON claimlinc.decision (organization_id, decided_at, id);

-- Whoever replays everything asks which payers there are: ids only, one look into the key for each.
CREATE FUNCTION claimlinc.deciding_payers() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE payer AS (
        (SELECT d.organization_id FROM claimlinc.decision d ORDER BY d.organization_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.organization_id FROM claimlinc.decision d WHERE d.organization_id > p.organization_id
            ORDER BY d.organization_id LIMIT 1)
        FROM payer p WHERE p.organization_id IS NOT NULL)
    SELECT organization_id FROM payer WHERE organization_id IS NOT NULL
$$;
REVOKE ALL ON FUNCTION claimlinc.deciding_payers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claimlinc.deciding_payers() TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("claimlinc", ID, DESCRIPTION, SQL)
