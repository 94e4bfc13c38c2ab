"""The embedded PostgreSQL as a background process of its own: `python -m masterlinc.launch.database`."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from masterlinc.db.embedded import EmbeddedPostgres
from masterlinc.errors import StartupError
from masterlinc.observe.logfile import write_to

NAME = "database"


def main() -> int:
    """Run the server of a data folder until a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    write_to(options.log)
    try:
        asyncio.run(keep(options.data, options.connections))
    except StartupError as fault:
        _say(f"masterlinc: {fault}")
        return 1
    return 0


async def keep(data: Path, connections: int) -> None:
    """Start the server, wait for the order to stop, stop it; raises StartupError."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    server = await EmbeddedPostgres.start(data, progress=_say, connections=connections)
    try:
        _say("PostgreSQL answers")
        await stopped.wait()
    finally:
        await server.stop()
        _say("PostgreSQL is stopped")


def _say(what: str) -> None:
    sys.stderr.write(what + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
