"""E-mail by SMTP (RFC 5321), with TLS from the start (``smtps://``) or by STARTTLS (``smtp://``)."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from typing import Final
from urllib.parse import unquote, urlsplit

from chat.notice_sender import Outgoing, SendError
from chat.notice_templates import SENDER_NAME
from chat.notices import Channel

TIMEOUT_S: Final = 20.0
MAX_AT_ONCE: Final = 16


class SmtpUrlError(ValueError):
    """An address of a mail server that cannot be used; the message shows no password."""


class SmtpSender:
    """Sends plain-text mail through one server.

    A mail that is sent again keeps its Message-ID, but not every receiver looks at that: an interrupted one is not.
    """

    channel: Channel = "email"
    repeats_safely = False

    def __init__(self, url: str, sender: str, *, context: ssl.SSLContext | None = None) -> None:
        """``smtp[s]://[user:password@]host[:port]``; ``smtp+plain://`` goes without TLS (a relay on this machine)."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SmtpUrlError("not an address") from None
        if parts.scheme not in ("smtp", "smtps", "smtp+plain") or not parts.hostname:
            raise SmtpUrlError("write smtp://user:password@host:587 or smtps://user:password@host")
        if "@" not in sender or "\n" in sender:
            raise SmtpUrlError("the sender is no e-mail address")
        self._scheme = parts.scheme
        self._host = parts.hostname
        self._port = port or (465 if parts.scheme == "smtps" else 587)
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._sender = sender
        self._context = context or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="smtp")
        """Its own: a mail server that does not answer would take those with which files and names are looked up."""

    async def send(self, outgoing: Outgoing) -> str:
        """Hand the mail to the server; its Message-ID."""
        message = self.message(outgoing)
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._deliver, message, outgoing.to)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise SendError("temporary" if code < 500 else "bounced", f"recipient_{code}") from None
        except smtplib.SMTPAuthenticationError:
            raise SendError("temporary", "login") from None  # a fault of ours; notices wait for it to be mended
        except smtplib.SMTPResponseException as error:
            kind = error.smtp_code >= 500
            raise SendError("permanent" if kind else "temporary", f"server_{error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise SendError("temporary", type(error).__name__) from None
        return str(message["Message-ID"])

    async def close(self) -> None:
        """Wait for no server any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def message(self, outgoing: Outgoing) -> EmailMessage:
        """The mail."""
        message = EmailMessage()
        message["From"] = formataddr((SENDER_NAME, self._sender))
        message["To"] = outgoing.to
        message["Subject"] = outgoing.subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = f"<{outgoing.notice_id}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers, please
        message.set_content(outgoing.text + "\n")
        return message

    def _deliver(self, message: EmailMessage, to: str) -> None:
        if self._scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=self._context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        with server:
            if self._scheme == "smtp":
                server.starttls(context=self._context)
            if self._login is not None:
                server.login(*self._login)
            server.send_message(message, from_addr=self._sender, to_addrs=[to])
