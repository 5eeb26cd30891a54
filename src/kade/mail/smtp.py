"""Mail by SMTP (RFC 5321), with TLS and a login where they are configured."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kade.core.mail import Mail, MailError

if TYPE_CHECKING:  # these take some megabytes, and many servers send no mail
    from email.message import EmailMessage


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where, and how: *security* is ``starttls``, ``tls`` or ``none``; *authority* a PEM to trust."""

    host: str
    port: int
    security: str
    user: str
    password_file: Path | None
    authority: Path | None
    sender: str
    sender_name: str
    timeout_s: float


class SmtpMailer:
    """Implements ``core.ports.Mailer``; a message is one connection."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    @property
    def ready(self) -> bool:
        return bool(self._server.host)

    async def send(self, mail: Mail) -> None:
        if not self.ready:
            raise MailError("no mail server is configured", permanent=False)
        import smtplib

        try:
            await asyncio.to_thread(self._send, self._message(mail))
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refused(code, said) from error
        except smtplib.SMTPException as error:
            raise MailError(f"the mail server: {error}", permanent=False) from error
        except OSError as error:
            raise MailError(f"the mail server cannot be reached: {error}", permanent=False) from error

    def _message(self, mail: Mail) -> EmailMessage:
        from email.headerregistry import Address
        from email.message import EmailMessage
        from email.policy import SMTP
        from email.utils import formatdate

        server = self._server
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(server.sender_name, addr_spec=server.sender)
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = " ".join(mail.subject.split())  # no line of it becomes a header
        message["Date"] = formatdate()
        name = hashlib.sha256(mail.key.encode()).hexdigest()[:40]
        message["Message-ID"] = f"<{name}@{server.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: nobody's absence answers it
        message.set_content(mail.text)
        return message

    def _send(self, message: EmailMessage) -> None:
        import smtplib

        server = self._server
        context = ssl.create_default_context(cafile=str(server.authority) if server.authority else None)
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=server.timeout_s, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)
        with connection:
            if server.security == "starttls":
                connection.starttls(context=context)
            if server.user:
                connection.login(server.user, self._password())
            connection.send_message(message)

    def _password(self) -> str:
        found = self._server.password_file
        return found.read_text(encoding="utf-8").strip() if found is not None else ""


def _refused(code: int, said: bytes | str) -> MailError:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return MailError(f"the mail server says {code} {text}"[:300], permanent=500 <= code < 600)
