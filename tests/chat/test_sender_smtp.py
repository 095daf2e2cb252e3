"""E-mail through a real SMTP server (aiosmtpd), with and without TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from chat.notice_sender import Outgoing, SendError
from chat.sender_smtp import MAX_AT_ONCE, SmtpSender, SmtpUrlError
from signalling.certificates import ensure_certificate
from tests.patience import PATIENCE_S

OUTGOING = Outgoing("n-1", "anna@example.se", "Nytt meddelande", "Du har ett nytt meddelande. Åäö.")
SENDER = "svara-inte@alltid.example"


class Mailbox:
    """What the server was given; refuses recipients as told."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.was_tls: list[bool] = []
        self.recipient_answer = ""
        self.data_answer = "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.recipient_answer:
            return self.recipient_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        self.was_tls.append(session.ssl is not None)
        return self.data_answer

    def message(self) -> Message:
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        return message_from_bytes(content)


Start = Callable[..., Awaitable[tuple[Mailbox, int]]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    servers: list[asyncio.Server] = []

    async def start(**options: Any) -> tuple[Mailbox, int]:
        mailbox = Mailbox()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(mailbox, loop=loop, **options), "127.0.0.1", 0)
        servers.append(server)
        return mailbox, server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_a_mail_is_neutral_readable_and_asks_for_no_answer(start: Start) -> None:
    mailbox, port = await start()
    reference = await SmtpSender(f"smtp+plain://127.0.0.1:{port}", SENDER).send(OUTGOING)
    message = mailbox.message()
    assert reference == message["Message-ID"] == "<n-1@alltid.example>"
    assert str(make_header(decode_header(message["From"]))) == f"Alltid öppet <{SENDER}>"
    assert (message["To"], message["Subject"]) == ("anna@example.se", "Nytt meddelande")
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().strip() == OUTGOING.text
    assert mailbox.envelopes[0].mail_from == SENDER
    assert mailbox.envelopes[0].rcpt_tos == ["anna@example.se"]


async def test_a_server_that_does_not_answer_takes_no_thread_that_others_need() -> None:
    is_over = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await is_over.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    sender = SmtpSender(f"smtp+plain://127.0.0.1:{server.sockets[0].getsockname()[1]}", SENDER)
    loop = asyncio.get_running_loop()
    others = ThreadPoolExecutor(2)
    loop.set_default_executor(others)
    sending = [asyncio.create_task(sender.send(OUTGOING)) for _ in range(MAX_AT_ONCE)]
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "a file"), PATIENCE_S) == "a file"
    is_over.set()
    assert {str(error) for error in await asyncio.gather(*sending, return_exceptions=True)} == {
        "temporary: SMTPServerDisconnected"
    }
    await sender.close()
    server.close()


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    files = ensure_certificate(tmp_path, ["127.0.0.1"], datetime.now(UTC))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(files.certificate, files.key)
    return server, ssl.create_default_context(cafile=str(files.certificate))


async def test_starttls_and_a_login(start: Start, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"user", b"p@ss")
        return AuthResult(success=right, handled=False)

    mailbox, port = await start(tls_context=contexts[0], require_starttls=True, authenticator=check, auth_required=True)
    sender = SmtpSender(f"smtp://user:p%40ss@127.0.0.1:{port}", SENDER, context=contexts[1])
    await sender.send(OUTGOING)
    assert mailbox.was_tls == [True]
    wrong = SmtpSender(f"smtp://user:wrong@127.0.0.1:{port}", SENDER, context=contexts[1])
    with pytest.raises(SendError) as caught:
        await wrong.send(OUTGOING)
    assert (caught.value.kind, caught.value.cause) == ("temporary", "login")
    await sender.close()


@pytest.mark.attack
async def test_a_server_whose_certificate_is_not_trusted_gets_no_mail(
    start: Start, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    mailbox, port = await start(tls_context=contexts[0])
    with pytest.raises(SendError, match="temporary"):
        await SmtpSender(f"smtp://127.0.0.1:{port}", SENDER).send(OUTGOING)
    assert mailbox.envelopes == []


@pytest.mark.attack
async def test_a_server_that_offers_no_tls_gets_no_mail(start: Start) -> None:
    mailbox, port = await start()
    with pytest.raises(SendError, match="temporary"):
        await SmtpSender(f"smtp://127.0.0.1:{port}", SENDER).send(OUTGOING)
    assert mailbox.envelopes == []


@pytest.mark.parametrize(
    ("recipient", "data", "kind", "cause"),
    [
        ("550 no such mailbox", "250 OK", "bounced", "recipient_550"),
        ("451 greylisted", "250 OK", "temporary", "recipient_451"),
        ("", "554 spam", "permanent", "server_554"),
        ("", "452 full", "temporary", "server_452"),
    ],
)
async def test_what_the_server_says_decides_what_happens(
    start: Start, recipient: str, data: str, kind: str, cause: str
) -> None:
    mailbox, port = await start()
    mailbox.recipient_answer, mailbox.data_answer = recipient, data
    with pytest.raises(SendError) as caught:
        await SmtpSender(f"smtp+plain://127.0.0.1:{port}", SENDER).send(OUTGOING)
    assert (caught.value.kind, caught.value.cause) == (kind, cause)


async def test_a_server_that_is_not_there_may_come_back() -> None:
    with pytest.raises(SendError) as caught:
        await SmtpSender("smtp+plain://127.0.0.1:1", SENDER).send(OUTGOING)
    assert caught.value.kind == "temporary"


@pytest.mark.attack
def test_no_header_can_be_smuggled_in() -> None:
    sender = SmtpSender("smtp://host", SENDER)
    for place, subject in (("a@b.se\nBcc: c@d.se", "x"), ("a@b.se", "x\r\nBcc: c@d.se")):
        with pytest.raises(ValueError, match=r"linefeed|newline"):
            sender.message(Outgoing("n-1", place, subject, "text"))


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://host", SENDER),
        ("smtp://", SENDER),
        ("smtp://host:x", SENDER),
        ("smtp://u:secret@host", "nobody"),
        ("smtp://host", "a@b\nc"),
    ],
)
def test_settings_that_cannot_be_are_refused_and_show_no_secret(url: str, sender: str) -> None:
    with pytest.raises(SmtpUrlError) as caught:
        SmtpSender(url, sender)
    assert "secret" not in str(caught.value)
