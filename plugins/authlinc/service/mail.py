"""Mail leaves by SMTP over verified TLS only, within a deadline."""

import asyncio
import ssl
from email.message import EmailMessage

import aiosmtplib

from authlinc.config import Mail
from authlinc.link_errors import MailOff
from masterlinc.context import Context

_PERMANENT = 500


class MailAway(Exception):
    """The server does not take the mail now; later it may."""


class MailRefused(Exception):
    """The server will never take this mail."""


def require_mail(ctx: Context) -> Mail:
    """Return how mail is sent; raises MailOff where the settings name no server, or no address for links."""
    mail: Mail = ctx.config.mail
    if not mail.host or not ctx.settings.http.public_url:
        raise MailOff
    return mail


async def deliver(mail: Mail, message: EmailMessage) -> None:
    """Hand a mail to the server; raises MailAway or MailRefused."""
    tls = mail.security == "tls"
    try:
        async with asyncio.timeout(mail.timeout_seconds):
            await aiosmtplib.send(
                message,
                hostname=mail.host,
                port=mail.port,
                username=mail.username or None,
                password=mail.password.reveal() or None,
                use_tls=tls,
                start_tls=not tls,
                tls_context=ssl.create_default_context(cafile=mail.authorities or None),
                timeout=mail.timeout_seconds,
            )
    except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as fault:
        raise _meaning(fault) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as fault:
        raise MailAway(type(fault).__name__) from None


def _meaning(fault: Exception) -> Exception:
    """Return what an answer of the server means: of the 500s that are about this mail, only never."""
    if isinstance(fault, aiosmtplib.SMTPRecipientsRefused):
        permanent = all(one.code >= _PERMANENT for one in fault.recipients)
        return MailRefused("recipient") if permanent else MailAway("recipient")
    if isinstance(fault, aiosmtplib.SMTPDataError | aiosmtplib.SMTPSenderRefused) and fault.code >= _PERMANENT:
        return MailRefused(str(fault.code))
    return MailAway(type(fault).__name__)
