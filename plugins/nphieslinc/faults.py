"""A broken rule: its id, the place, and the words in both languages."""

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning"]


class BrokenRule(Struct, frozen=True):
    """A rule that a message breaks; `path` as NPHIES writes it, `Bundle.entry[1].resource.item[0].net`."""

    rule: str
    path: str
    detail: str
    detail_ar: str
    severity: Severity = "error"
