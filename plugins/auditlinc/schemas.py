"""What comes in and goes out over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

Word = Annotated[str, Meta(min_length=1, max_length=128)]


class ActorView(Struct):
    """Who acted, for whom, and from where."""

    id: str | None
    kind: str
    organization_id: str | None
    session_id: str | None
    address: str


class EventView(Struct):
    """One row of the audit: ids and codes, never names or identifiers of persons."""

    event_id: str
    timestamp: datetime
    action: str
    resource_type: str
    resource_id: str
    patient_id: str | None
    organization_id: str | None
    actor: ActorView
    purpose: str
    outcome: str
    trace_id: str
    detail: dict[str, Any]
    erased: bool


class EventPage(Struct):
    """The newest rows first; `next_cursor` asks for those before them."""

    events: list[EventView]
    next_cursor: str | None


class Viewer(Struct):
    """Who looked at a patient or changed something of theirs, how often and when."""

    actor_id: str | None
    actor_kind: str
    actor_organization_id: str | None
    organization_id: str | None
    events: int
    first_at: datetime
    last_at: datetime
    actions: list[str]
    purposes: list[str]


class ViewerList(Struct):
    """Everybody, the latest first; `complete` is false where there are more than are shown."""

    patient_id: str
    viewers: list[Viewer]
    complete: bool


class ReportForm(Struct, forbid_unknown_fields=True):
    """An event of another system, as the first system took it; who reports it is who holds the token."""

    event_id: Word
    timestamp: datetime
    action: Annotated[str, Meta(min_length=3, max_length=64)]
    resource_type: Word
    resource_id: Word
    actor_id: Word
    actor_role: Annotated[str, Meta(max_length=128)]
    outcome: Annotated[str, Meta(min_length=1, max_length=64)]
    details: Raw | UnsetType = UNSET


class Reported(Struct):
    """The event is in the audit."""

    event_id: str
    status: str = "logged"


class FirstSystemEvent(Struct):
    """A row under the first system's names of fields."""

    event_id: str
    timestamp: datetime
    action: str
    resource_type: str
    resource_id: str
    actor_id: str | None
    actor_role: str
    outcome: str
    details: Any


class FirstSystemList(Struct):
    """The newest rows."""

    events: list[FirstSystemEvent]
    total: int


class CheckpointView(Struct):
    """The last seal, signed; keep it where nobody who can change the database can reach it."""

    format: str
    number: int
    seal: str
    total: int
    made_at: datetime
    public_key: str
    signature: str
