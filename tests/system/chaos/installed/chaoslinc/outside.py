"""A world outside: it notes what it is sent, and takes each key once."""

import os

from chaoslinc.points import FOLDER


def deliver(key: str) -> bool:
    """Take a message; False where the same one was taken before."""
    with (FOLDER / "received").open("a") as file:
        file.write(key + "\n")
    try:
        os.close(os.open(FOLDER / "taken" / key.replace("/", " "), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True
