"""Mail by a real SMTP server: with TLS, with a login, and what is said when it is not taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.pki import Authority, server_context
from tests.support.smtp import smtp_server

from kade.core.mail import Mail, MailError
from kade.mail.smtp import SmtpMailer, SmtpServer

MAIL = Mail("key", "post@example.org", "Verzoek: offerte é", "Beste lezer,\n\n– een\n– twee\n")


def server(port: int, **changes: object) -> SmtpServer:
    usual = SmtpServer("127.0.0.1", port, "none", "", None, None, "kade@example.org", "Kade", 5.0)
    return replace(usual, **changes)  # type: ignore[arg-type]


async def test_a_message_arrives_as_it_was_written() -> None:
    with smtp_server() as box:
        mailer = SmtpMailer(server(box.port, sender_name="De Kade"))
        assert mailer.ready
        await mailer.send(MAIL)
        await mailer.send(MAIL)
    first, again = box.messages
    assert (first["To"], first["From"]) == ("post@example.org", "De Kade <kade@example.org>")
    assert first["Subject"] == MAIL.subject
    assert first.get_content() == MAIL.text
    assert first["Message-ID"] == again["Message-ID"]  # sent again it is the same message
    assert first["Auto-Submitted"] == "auto-generated"
    assert box.secured == [False, False]


async def test_no_line_of_a_subject_becomes_a_header() -> None:
    with smtp_server() as box:
        await SmtpMailer(server(box.port)).send(MAIL._replace(subject="One\r\nBcc: other@example.org"))
    (message,) = box.messages
    assert message["Subject"] == "One Bcc: other@example.org" and message["Bcc"] is None


async def test_the_line_is_protected_and_the_password_is_that_of_the_file(tmp_path: Path) -> None:
    authority = Authority.create()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "password").write_text("right\n")
    with smtp_server(server_context(authority.issue_server("127.0.0.1")), login=True) as box:
        secured = server(
            box.port,
            security="starttls",
            authority=tmp_path / "ca.pem",
            user="desk",
            password_file=tmp_path / "password",
        )
        await SmtpMailer(secured).send(MAIL)
        assert box.secured == [True] and box.logins == [("desk", "right")]
        (tmp_path / "password").write_text("wrong")
        with pytest.raises(MailError) as refused:
            await SmtpMailer(secured).send(MAIL)
        assert "wrong" not in str(refused.value)
        with pytest.raises(MailError, match="cannot be reached"):  # by an authority that nobody knows
            await SmtpMailer(replace(secured, authority=None)).send(MAIL)
    assert len(box.messages) == 1


@pytest.mark.parametrize(("answer", "permanent"), [("451 later", False), ("550 no such mailbox", True)])
async def test_what_the_server_says_is_told(answer: str, permanent: bool) -> None:
    with smtp_server() as box:
        box.refuse, box.answer = 1, answer
        with pytest.raises(MailError, match=answer) as refused:
            await SmtpMailer(server(box.port)).send(MAIL)
    assert refused.value.permanent is permanent


async def test_a_server_that_is_not_there(unused_tcp_port_of_nobody: int) -> None:
    with pytest.raises(MailError, match="cannot be reached") as refused:
        await SmtpMailer(server(unused_tcp_port_of_nobody)).send(MAIL)
    assert not refused.value.permanent


async def test_without_a_server_nothing_is_sent() -> None:
    mailer = SmtpMailer(server(25, host=""))
    assert not mailer.ready
    with pytest.raises(MailError, match="no mail server"):
        await mailer.send(MAIL)


@pytest.fixture
def unused_tcp_port_of_nobody() -> int:
    """A port that was somebody's a moment ago."""
    with smtp_server() as box:
        return box.port
