"""Where rows are shipped to."""

import ssl
from collections.abc import Sequence
from typing import Protocol

from auditlinc.config import Siem
from auditlinc.shipping.https import Https
from auditlinc.shipping.messages import Message
from auditlinc.shipping.syslog import Syslog
from masterlinc.errors import StartupError


class Target(Protocol):
    """A receiver: `send` returns once it has taken a batch, and raises OSError or TimeoutError otherwise."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Send a batch, all or none as far as the receiver tells."""

    async def close(self) -> None:
        """Let connections go."""


def target_of(siem: Siem) -> Target | None:
    """Return the receiver that is configured; raises StartupError where its files are no certificates."""
    if not siem.kind:
        return None
    try:
        context = ssl.create_default_context(cafile=siem.authorities or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if siem.client_certificate:
            context.load_cert_chain(siem.client_certificate, siem.client_key)
    except (OSError, ValueError) as fault:
        raise StartupError(f"[agents.auditlinc] siem: {fault}") from None
    return Syslog(siem, context) if siem.kind == "syslog" else Https(siem, context)
