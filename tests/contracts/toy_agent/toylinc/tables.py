"""The agent's rows."""

from piccolo.columns import UUID, Integer, Text
from piccolo.table import Table

from masterlinc.db import ENGINE


class GreetingRow(Table, tablename="greeting", schema="toylinc", db=ENGINE):
    """One greeting."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    text = Text(default=None)
    counted = Integer(default=None)
