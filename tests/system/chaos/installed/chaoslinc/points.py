"""The moments at which a process dies or hangs, each once: a file remembers it."""

import asyncio
import os
import signal
from pathlib import Path

FOLDER = Path(os.environ["CHAOS_FOLDER"])
SIGNALS = {"kill": signal.SIGKILL, "always": signal.SIGKILL, "hang": signal.SIGSTOP}


def strike(order: str, token: str, moment: str) -> None:
    """Die or hang if this is the moment of the order, as in `kill inside`."""
    what, _, when = order.partition(" ")
    if when == moment and (what == "always" or first(f"{token} {moment}")):
        os.kill(os.getpid(), SIGNALS[what])


def strike_late(order: str, token: str) -> None:
    """Die some milliseconds from now, as in `kill late 2.5`: in the checkpoint of the step, or after it."""
    when = order.partition(" ")[2]
    if when.startswith("late "):
        asyncio.get_running_loop().call_later(float(when[5:]) / 1000, strike, order, token, when)


def first(name: str) -> bool:
    """Say whether this is asked for the first time, whichever process asks."""
    try:
        os.close(os.open(FOLDER / "struck" / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True
