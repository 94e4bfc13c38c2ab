"""The faults of a database that is away, slow or changing: what goes on beside the requests outlives them."""

import asyncpg

from masterlinc.errors import DomainError

FAULTS = (DomainError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
