"""A real SMTP server that takes mails over STARTTLS and keeps them for a test."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """Where mails arrive, and what the server says to them."""

    port: int = 0
    arrived: "asyncio.Queue[EmailMessage]" = field(default_factory=asyncio.Queue)
    answers: list[str] = field(default_factory=list)  # said first to the mails that come, one each
    recipients: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, _: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as aiosmtpd calls it
        self.recipients.append(envelope.rcpt_tos)
        self.encrypted.append(session.ssl is not None)
        if self.answers:
            return self.answers.pop(0)
        await self.arrived.put(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"

    async def next(self) -> EmailMessage:
        async with asyncio.timeout(30):
            return await self.arrived.get()


def token_in(message: EmailMessage) -> str:
    """What stands behind the # of a mail's one link."""
    body = message.get_body(("plain",))
    assert body is not None
    links = set(re.findall(r"https://\S+", body.get_content()))
    assert len(links) == 1
    return links.pop().partition("#")[2]


@asynccontextmanager
async def mail_server(authority: trustme.CA, *, name: str = "localhost") -> AsyncIterator[Mailbox]:
    """Serve a mailbox with a certificate of this name while the block runs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    box = Mailbox()

    def protocol() -> SMTP:
        return SMTP(box, hostname="localhost", tls_context=context, require_starttls=True)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


def settings_of(box: Mailbox, authority: trustme.CA, folder: Path) -> dict[str, Any]:
    """The settings of the agent that send its mails there."""
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    return {"host": "localhost", "port": box.port, "authorities": str(file), "sender": "no-reply@clinic.example"}
