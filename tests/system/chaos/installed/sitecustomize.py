"""Has a process write where its tasks stand, on SIGQUIT: one that does not stop is asked before it is ended."""

import asyncio
import signal
import sys
from typing import Any


def tell(*_: Any) -> None:
    """Write every task and what it waits for."""
    for task in list(asyncio.tasks._all_tasks):  # every loop's
        sys.stderr.write(f"{task.get_name()}: cancelled {task.cancelling()} times\n")
        at: Any = task.get_coro()
        while at is not None:
            sys.stderr.write(f"    {at}\n")
            at = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None) or getattr(at, "ag_await", None)
    sys.stderr.flush()


signal.signal(signal.SIGQUIT, tell)
