"""Finds whether audit rows were changed, from docs/audit-format.md alone: it shares no code with what seals them."""

from masterlinc.audit.verification.anchors import Anchors, BadAnchor, read_checkpoint, read_public_key
from masterlinc.audit.verification.report import Fault, Report
from masterlinc.audit.verification.walk import verify

__all__ = ["Anchors", "BadAnchor", "Fault", "Report", "read_checkpoint", "read_public_key", "verify"]
