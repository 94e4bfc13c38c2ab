"""Who a question names, found by one plan: questions come far more often than claims."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from masterlinc.db.ddl import migration

ID = "0009"
VERSION = "1.38.0"
DESCRIPTION = "the covers that a question names"

# As the caller, under row-level security. By number or key first; by identifiers where neither names anybody.
_NAMED = """
CREATE FUNCTION policylinc.covers_named(payer uuid, number text, member uuid, blinds bytea[])
    RETURNS SETOF policylinc.member
    LANGUAGE plpgsql STABLE ROWS 2 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT m.* FROM policylinc.member m WHERE m.organization_id = payer AND m.member_number = number
    UNION ALL
    SELECT m.* FROM policylinc.member m WHERE m.organization_id = payer AND m.id = member;
    IF NOT FOUND AND cardinality(blinds) > 0 THEN
        RETURN QUERY
        SELECT m.* FROM policylinc.member m WHERE m.organization_id = payer AND m.person_id = ANY (ARRAY(
            SELECT c.person_id FROM policylinc.member c WHERE c.organization_id = payer AND c.id = ANY (ARRAY(
                SELECT i.member_id FROM policylinc.member_identifier i
                WHERE i.organization_id = payer AND i.blind = ANY (blinds)
            ))
        ));
    END IF;
END $$;
REVOKE ALL ON FUNCTION policylinc.covers_named FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policylinc.covers_named TO masterlinc_app;
"""


async def forwards() -> MigrationManager:
    return migration("policylinc", ID, DESCRIPTION, _NAMED)
