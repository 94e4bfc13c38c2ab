"""Work at which nobody waits: deliveries and workflows share a part of the pool, requests have the rest."""

import contextvars

IN_BACKGROUND: contextvars.ContextVar[bool] = contextvars.ContextVar("masterlinc_in_background", default=False)


def background() -> contextvars.Context:
    """Return a new context for a task that is such work; no transaction is open in it."""
    context = contextvars.Context()
    context.run(IN_BACKGROUND.set, True)
    return context
