"""What is shipped: a row of the audit or a checkpoint, as one JSON object."""

import json
from datetime import datetime
from typing import Any

from msgspec import Struct, structs, to_builtins

from auditlinc.service.search import view
from masterlinc.audit.checkpoint import Checkpoint

_LONGEST_NAME = 32  # of a MSGID (RFC 5424)


class Message(Struct, frozen=True):
    """One message."""

    name: str  # the action
    at: datetime
    refused: bool
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """Return the body as ASCII, whatever language it holds."""
        return json.dumps(self.body, ensure_ascii=True, separators=(",", ":"))


def of_row(row: Any) -> Message:
    """Return a row's message; ids and codes, as the search shows it."""
    return Message(
        row["action"][:_LONGEST_NAME],
        row["at"],
        row["outcome"] != "ok",
        {"kind": "event"} | to_builtins(view(row)),
    )


def of_checkpoint(made: Checkpoint) -> Message:
    """Return a checkpoint's message: what is kept elsewhere makes a rewrite seen."""
    return Message("audit.checkpoint", made.made_at, False, {"kind": "checkpoint"} | to_builtins(structs.asdict(made)))
