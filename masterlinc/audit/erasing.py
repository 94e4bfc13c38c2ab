"""Takes out of audit rows what they say of persons: a digest stays in its place, so that their seals still hold."""

from collections.abc import Sequence
from uuid import UUID

from masterlinc.db import Database
from masterlinc.errors import FieldError, Invalid
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings

LONGEST_REASON = 200
_KNOWN = """
SELECT id, organization_id FROM masterlinc.audit_event
WHERE id = ANY ($1) AND erased IS NULL AND action NOT LIKE 'audit.%' FOR UPDATE
"""
_ERASE = """
UPDATE masterlinc.audit_event e SET erased = masterlinc.audit_personal(e), salt = NULL, actor_id = NULL,
    session_id = NULL, address = '', resource_id = '', patient = NULL, detail = '{}'
WHERE id = ANY ($1)
"""
_FORGET = "DELETE FROM masterlinc.audit_patient WHERE event_id = ANY ($1)"


async def erase(owner_url: str, wanted: Sequence[UUID], reason: str) -> int:
    """Erase rows and leave one of each that says so; raises Invalid where a row is not there or may not be erased."""
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise Invalid(
            errors=[FieldError("reason", "length", f"1 to {LONGEST_REASON} characters", "طول السبب غير مقبول")]
        )
    database = Database(DatabaseSettings(url=Secret(owner_url), pool_size=1))
    await database.open()
    try:
        async with database.transaction() as transaction:
            rows = await transaction.fetch(_KNOWN, wanted)
            missing = sorted(str(one) for one in {*wanted} - {row["id"] for row in rows})
            if missing:
                raise Invalid(
                    errors=[
                        FieldError(one, "unknown", "no row that can be erased", "لا يوجد سجل يمكن محوه")
                        for one in missing
                    ]
                )
            await transaction.execute(_ERASE, [row["id"] for row in rows])
            await transaction.execute(_FORGET, [row["id"] for row in rows])
            for row in rows:
                transaction.audit(
                    "audit.erase",
                    "audit_event",
                    str(row["id"]),
                    organization_id=row["organization_id"],
                    detail={"reason": reason},
                )
    finally:
        await database.close()
    return len(rows)
