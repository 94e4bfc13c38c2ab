"""Whether this database can search Arabic."""

from typing import Any

from masterlinc.errors import StartupError


async def require_arabic_trigrams(connection: Any) -> None:
    """Raise StartupError where trigrams of Arabic letters come out empty (`--locale=C` does that)."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        if await connection.fetchval("SELECT to_regprocedure('show_trgm(text)')") is None:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        found = await connection.fetchval("SELECT cardinality(show_trgm('محمد'))")
    finally:
        await transaction.rollback()
    if not found:
        raise StartupError("the database cannot search Arabic text: make it with the locale C.UTF-8")
