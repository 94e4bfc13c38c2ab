"""Settings of this agent: `[agents.auditlinc]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from masterlinc.secrets import Secret
from masterlinc.settings import Count, HttpUrl, Port, Seconds


class Siem(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where audit rows are shipped to, if anywhere."""

    kind: Literal["", "syslog", "https"] = ""
    host: str = ""  # of a syslog receiver (RFC 5425)
    port: Port = 6514
    url: HttpUrl = ""  # of an HTTPS receiver
    authorization: Secret = field(default_factory=Secret)  # the Authorization header's value, for HTTPS
    authorities: str = ""  # a PEM file; empty: the system's
    client_certificate: str = ""  # PEM files, where the receiver asks for them
    client_key: str = ""
    batch: Annotated[int, Meta(ge=1, le=5000)] = 500
    deadline_seconds: Seconds = 10.0
    poll_seconds: Seconds = 2.0
    alert_minutes: Count = 15  # behind by so much, the agent is unhealthy

    def __post_init__(self) -> None:
        """Refuse what would ship nothing, or in the clear."""
        if self.kind == "syslog" and not self.host:
            raise ValueError("siem.host is not set: the syslog receiver")
        if self.kind == "https" and not self.url.startswith("https://"):
            raise ValueError("siem.url must be an https URL")
        if bool(self.client_certificate) != bool(self.client_key):
            raise ValueError("siem.client_certificate and siem.client_key are set together")


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """Shipping."""

    siem: Siem = field(default_factory=Siem)
