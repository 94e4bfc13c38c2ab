"""What can be wrong with a report to the audit."""

from masterlinc.errors import Conflict


class EventIdTaken(Conflict):
    """Another event was reported under this event_id."""

    code = "event-id-taken"
    title, title_ar = "Another event was reported under this event_id", "سُجّل حدث آخر بقيمة event_id نفسها"
