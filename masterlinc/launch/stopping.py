"""Stops the processes in reverse order, the database last; what does not stop in time is killed."""

import signal
from collections.abc import Callable
from pathlib import Path

from masterlinc.launch import database, records
from masterlinc.launch.records import Record

STOP_SECONDS = 30.0


def stop(data: Path, tell: Callable[..., None], seconds: float = STOP_SECONDS) -> bool:
    """Stop everything; say whether each process stopped in order."""
    known = records.read(data)
    keeper = known.pop(database.NAME, None)
    well = True
    for record in sorted(known.values(), key=lambda one: one.port, reverse=True):
        well &= _stop(data, record, tell, seconds)
    return (keeper is None or _stop(data, keeper, tell, seconds)) and well


def _stop(data: Path, record: Record, tell: Callable[..., None], seconds: float) -> bool:
    if not records.alive(record):
        tell("gone", name=record.name)
        records.forget(data, record.name)
        return True
    records.order(record, signal.SIGTERM)
    well = records.ended(record, seconds)
    if well:
        tell("stopped", name=record.name)
    else:
        records.order(record, signal.SIGKILL)
        records.ended(record, seconds)
        tell("killed", name=record.name, seconds=f"{seconds:.0f}")
    records.forget(data, record.name)
    return well
