"""What an IMAP server may say without harming anybody: lines without end, lies, and other people's words."""

import asyncio
import json
import resource
import ssl
from pathlib import Path

import pytest
import trustme
from tests.sources.imap_script import GREETING, Line, Script, answering, scripted
from tests.sources.services import seen, service, unsealed

from kade.core.errors import KadeError, SourceReason
from kade.core.sources import ServiceKind
from kade.sources import LocalPlaces, check_location, imap

CAPABLE = {b"CAPABILITY": [b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", b"TAG OK done\r\n"]}
SIMPLE = {b"CAPABILITY": [b"* CAPABILITY IMAP4rev1\r\n", b"TAG OK done\r\n"]}
SECRET = b"hush-hush"


async def walked(location: str, secret: bytes = SECRET, **settings: object) -> int:
    """How many messages a walk sees."""
    told = json.dumps({"timeout_ms": 300, **settings})
    place = await LocalPlaces(unsealed).open(service(ServiceKind.MAILBOX, location, told, secret), "")
    try:
        return len(await seen(place))
    finally:
        await place.close()


async def refusal(script: Script, secret: bytes = SECRET) -> KadeError:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with scripted(script) as (location, _):
        with pytest.raises(KadeError) as caught:
            await asyncio.wait_for(walked(location, secret), 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB
    assert "hush" not in str(caught.value)
    return caught.value


async def forever(line: Line, piece: bytes, pause: float = 0) -> None:
    while True:
        await line.say(piece)
        await asyncio.sleep(pause)


async def silent(line: Line) -> None:
    await asyncio.sleep(60)


async def trickling(line: Line) -> None:
    await forever(line, b"*", 0.1)


async def without_end(line: Line) -> None:
    await forever(line, b"*" * 65536)


async def with_lines_without_end(line: Line) -> None:
    await line.say(GREETING)
    await line.hear()
    await forever(line, b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" * 1000)


async def with_a_literal_of_a_terabyte(line: Line) -> None:
    await line.say(GREETING, b"* LIST () {1000000000000}\r\n")
    await forever(line, bytes(65536))


@pytest.mark.parametrize(
    "script",
    [
        silent,
        trickling,
        without_end,
        with_lines_without_end,
        with_a_literal_of_a_terabyte,
        answering({}, b""),
        answering({}, b"* BYE go away\r\n"),
        answering({}, b"220 mail.example.org ESMTP\r\n"),
        answering({}, b"\x16\x03\x01\x00\r\n"),
        answering({b"CAPABILITY": [b"TAG BAD no\r\n"]}),
        answering({b"CAPABILITY": [b"* CAPABILITY IMAP2\r\n", b"TAG OK done\r\n"]}),
        answering({b"CAPABILITY": [b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n", b"TAG OK done\r\n"]}),
        answering({**CAPABLE, b"AUTHENTICATE": [b"+ \r\n"]}),
        answering({**SIMPLE, b"LIST": [b"TAG NO hush-hush\r\n"]}),
        answering({**SIMPLE, b"LIST": [b"* BYE hush-hush\r\n"]}),
        answering({**SIMPLE, b"LIST": [b"* LIST () hush-hush {3}\r\nTAG"]}),
    ],
    ids=lambda script: getattr(script, "__name__", "script"),
)
async def test_a_server_that_is_none_is_unreachable(script: Script) -> None:
    assert (await refusal(script)).reason is SourceReason.UNREACHABLE


@pytest.mark.parametrize("answers", [CAPABLE, SIMPLE])
async def test_words_of_a_server_that_refuses_are_not_repeated(answers: dict[bytes, list[bytes]]) -> None:
    no = [b"+ \r\n", b"TAG NO hush-hush is wrong\r\n"]
    told = answering({**answers, b"AUTHENTICATE": no, b"LOGIN": no[1:], b"": no[1:]})
    assert (await refusal(told)).reason in (SourceReason.LOGIN_REFUSED, SourceReason.UNREACHABLE)


async def test_a_server_that_cannot_log_in_anybody_now_does_not_refuse_us() -> None:
    answers = {**SIMPLE, b"LOGIN": [b"TAG NO [UNAVAILABLE] later\r\n"]}
    assert (await refusal(answering(answers))).reason is SourceReason.UNREACHABLE
    answers[b"LOGIN"] = [b"TAG NO [AUTHENTICATIONFAILED] no\r\n"]
    assert (await refusal(answering(answers))).reason is SourceReason.LOGIN_REFUSED


@pytest.mark.parametrize("secret", [b"caf\xc3\xa9", b"two\r\nlines", b"zero\0"])
async def test_a_password_that_login_cannot_say_is_not_sent(secret: bytes) -> None:
    assert (await refusal(answering(SIMPLE), secret)).reason is SourceReason.LOGIN_REFUSED


async def test_where_there_is_no_other_way_login_is_said() -> None:
    async with scripted(answering(SIMPLE)) as (location, lines):
        with pytest.raises(KadeError, match="no folder"):
            await walked(location, b'say "so" \\')
    assert any(heard.endswith(rb'LOGIN "me" "say \"so\" \\"') for heard in lines[0].heard)


async def test_folders_and_messages_in_odd_spellings_are_understood() -> None:
    answers = {
        **SIMPLE,
        b"LIST": [
            b'* LIST (\\Noselect) "/" "[Gmail]"\r\n',
            b"* LIST () NIL {5}\r\ninbox\r\n",
            b'* LIST (\\X \\Marked) "/" "[Gmail]/A \\"b\\""\r\n',
            b'* LIST () "/" "bad\x01name"\r\n',
            b"TAG OK done\r\n",
        ],
        b"EXAMINE": [b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK [READ-ONLY]\r\n"],
        b"FETCH": [
            b"* 1 FETCH (FLAGS (\\Seen))\r\n",
            b'* 2 FETCH (BODY[HEADER.FIELDS ("subject")]<0> "Subject: two" UID 12 FLAGS () RFC822.SIZE 9 ',
            b'BODY[HEADER.FIELDS ("DATE")]<0> NIL INTERNALDATE "17-Jul-1996 02:44:25 -0700" ',
            b'BODY[HEADER.FIELDS ("MESSAGE-ID")]<0> {0}\r\n)\r\n',
            b"* 1 FETCH (UID 11 RFC822.SIZE 9 FLAGS (\\deleted))\r\n",
            b"TAG OK done\r\n",
        ],
        b"LOGOUT": [b"* BYE\r\nTAG OK done\r\n"],
    }
    async with scripted(answering(answers)) as (location, _):
        place = await LocalPlaces(unsealed).open(service(ServiceKind.MAILBOX, location, "", SECRET), "")
        found = await seen(place)
        await place.close()
    assert {key: item.name for key, item in found.items()} == {
        "INBOX/7/12": "two - 837596665.eml",
        '[Gmail]/A "b"/7/12': "two - 837596665.eml",
    }
    assert found['[Gmail]/A "b"/7/12'].folder == ("[Gmail]", 'A "b"')


async def test_what_is_said_before_the_line_is_encrypted_is_forgotten(tmp_path: Path) -> None:
    """As somebody in between would say it, for us to take for the server's words."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def script(line: Line) -> None:
        await line.say(GREETING)
        tag, _ = await line.hear()
        await line.say(b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n", tag, b" OK done\r\n")
        tag, rest = await line.hear()
        assert rest == b"STARTTLS"
        # Two answers in one packet, the second one with the tag that comes next.
        following = tag[:-1] + bytes([tag[-1] + 1])
        await line.say(tag, b" OK done\r\n* CAPABILITY IMAP4rev1 INJECTED\r\n", following, b" OK done\r\n")
        await line.encrypt(context)
        await answering(SIMPLE, b"")(line)

    async with scripted(script) as (location, lines):
        with pytest.raises(KadeError, match="no folder"):
            await walked(location, authorities=str(tmp_path / "authority.crt"))
    commands = [heard.split()[1] for heard in lines[0].heard]
    assert commands[:4] == [b"CAPABILITY", b"STARTTLS", b"CAPABILITY", b"LOGIN"]


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("imaps://info@example.org@mail.example.org", (True, "mail.example.org", 993, "info@example.org")),
        ("imaps://info%40example.org@h:1993/", (True, "h", 1993, "info@example.org")),
        ("imap://me@[::1]", (False, "::1", 143, "me")),
        ("imap://DOMAIN\\me@h", (False, "h", 143, "DOMAIN\\me")),
    ],
)
def test_addresses_of_mailboxes(location: str, address: tuple[bool, str, int, str]) -> None:
    check_location("mailbox", location, '{"insecure": true, "exclude": ["Lists/*"]}')
    assert imap.parse(location) == address


@pytest.mark.parametrize(
    "location",
    [
        "", "mail.example.org", "imaps://mail.example.org", "imaps://@h", "imaps://me@", "pop3://me@h",
        "imaps://me:hush@h", "imaps://me@h/INBOX", "imaps://me@h:x", "imaps://me@h:99999", "imaps://me@h?x",
        "imaps://me@[::1", "imaps://me:hush@h:x",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_mailbox_is_refused_without_its_password(location: str) -> None:
    with pytest.raises(KadeError) as caught:
        check_location("mailbox", location)
    assert caught.value.reason is SourceReason.BAD_LOCATION
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_only_this_machine_is_spoken_to_openly(address: str, is_ours: bool) -> None:
    assert imap.is_loopback(address) is is_ours
