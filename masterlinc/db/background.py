"""Work at which nobody waits: what runs in such a context holds no more connections at a time than it has places.

Requests, which are not in one, have the rest of the pool.
"""

import asyncio
import contextvars

PLACES: contextvars.ContextVar[asyncio.Semaphore | None] = contextvars.ContextVar("masterlinc_places", default=None)


def background(places: asyncio.Semaphore | None) -> contextvars.Context:
    """Return a new context for a task that is such work; no transaction is open in it."""
    context = contextvars.Context()
    context.run(PLACES.set, places)
    return context
