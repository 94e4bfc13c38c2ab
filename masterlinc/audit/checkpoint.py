"""Checkpoints: the last seal, signed, small enough to be kept where nobody who can change the database can reach it."""

import asyncio
import base64
import os
from datetime import datetime, timedelta
from pathlib import Path
from struct import pack

import msgspec
from msgspec import Struct

from masterlinc.audit import keys, seals
from masterlinc.audit.format import CHECKPOINT, moment
from masterlinc.context import Services
from masterlinc.security.keys import raw

FORMAT = "masterlinc-audit-checkpoint/1"
_MADE = "masterlinc.audit.checkpoint"  # under which a process keeps when it wrote the last one


class Checkpoint(Struct, frozen=True):
    """What the chain was at a moment."""

    number: int  # of the last seal
    seal: str  # its digest, in hex
    total: int  # rows that are sealed
    made_at: datetime
    public_key: str  # base64; the key that signed this
    signature: str  # base64
    format: str = FORMAT


async def make(services: Services) -> Checkpoint | None:
    """Sign what the chain is now; None where nothing is sealed yet."""
    now = services.clock.now()
    async with services.db.transaction() as transaction:
        last, signature = await seals.latest(transaction)
        if last is None:
            return None
        key = await keys.current(transaction, services.vault, now)
    digest, public = last.digest(signature), raw(key.private)
    message = CHECKPOINT + pack(">q32sqq32s", last.number, digest, last.total, moment(now), public)
    return Checkpoint(
        number=last.number,
        seal=digest.hex(),
        total=last.total,
        made_at=now,
        public_key=base64.b64encode(public).decode(),
        signature=base64.b64encode(key.private.sign(message)).decode(),
    )


async def write_due(services: Services, folder: Path, every: timedelta) -> None:
    """Write a checkpoint into a folder, unless this process has written one within `every`."""
    now, before = services.clock.now(), services.kept.get(_MADE)
    if before is not None and now - before < every:
        return
    made = await make(services)
    if made is not None:
        await asyncio.to_thread(write, made, folder / f"checkpoint-{made.number:012}.json")
    services.kept[_MADE] = now


def write(made: Checkpoint, path: Path) -> None:
    """Write a checkpoint into a file, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(text(made))
    beside.replace(path)


def text(made: Checkpoint) -> bytes:
    """Return a checkpoint as it is kept."""
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"
