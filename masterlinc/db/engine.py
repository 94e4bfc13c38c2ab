"""Piccolo's engine, reduced to what is safe: a query runs on the open transaction's connection, or not at all.

Piccolo's own PostgresEngine connects when it is built, opens a connection for a query outside of a pool, leaks one when
a COMMIT fails and joins nested transactions silently. Ours has no pool and no connection, so none of that can happen.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Never

from piccolo.engine.postgres import PostgresEngine
from piccolo.querystring import QueryString

if TYPE_CHECKING:
    from masterlinc.db.transaction import Transaction

CURRENT: ContextVar["Transaction | None"] = ContextVar("masterlinc_transaction", default=None)


class OutsideOfTransaction(RuntimeError):
    """A query was run with no transaction open: a fault of the code, never of the caller."""


class TransactionEngine(PostgresEngine):
    """Runs Piccolo's queries in the transaction that `Database.transaction()` opened."""

    def __init__(self) -> None:  # the parent's would connect
        self.engine_type = "postgres"
        self.min_version_number = 15
        self.log_queries = self.log_responses = False
        self.query_id = 0
        self.config: dict[str, Any] = {}
        self.extensions: Sequence[str] = ()
        self.extra_nodes: dict[str, Any] = {}
        self.pool = None

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:  # noqa: ARG002 - Piccolo's signature
        """Run a query on the open transaction."""
        query, arguments = querystring.compile_string(engine_type="postgres")
        return await _open_transaction().connection.fetch(query, *arguments)

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:  # noqa: ARG002 - Piccolo's signature
        """Run DDL on the open transaction; migrations do."""
        return await _open_transaction().connection.fetch(ddl)

    def transaction(self, allow_nested: bool = True) -> Never:  # noqa: ARG002 - Piccolo's signature
        """Refuse: transactions are opened by `Database.transaction()`."""
        raise OutsideOfTransaction("open transactions with Database.transaction()")

    async def batch(self, *_: Any, **__: Any) -> Never:
        """Refuse: Piccolo's batch leaves the transaction and swallows errors."""
        raise OutsideOfTransaction("Piccolo's batch() leaves the transaction; use a cursor")


def _open_transaction() -> "Transaction":
    transaction = CURRENT.get()
    if transaction is None:
        raise OutsideOfTransaction("a query needs an open transaction")
    return transaction


ENGINE = TransactionEngine()
