"""PostgreSQL: the pool, transactions, Piccolo's engine, migrations."""

from masterlinc.db.actor import Actor
from masterlinc.db.engine import ENGINE, OutsideOfTransaction
from masterlinc.db.faults import FAULTS
from masterlinc.db.transaction import NO_ORGANIZATIONS, Database, Transaction, scope_literal

__all__ = [
    "ENGINE",
    "FAULTS",
    "NO_ORGANIZATIONS",
    "Actor",
    "Database",
    "OutsideOfTransaction",
    "Transaction",
    "scope_literal",
]
