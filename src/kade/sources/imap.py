"""A line to an IMAP server (RFC 9051, 3501), logged in and only ever reading; all of it blocks.

``imaplib`` speaks the commands; reading from the line is our own, so that nothing a server sends can take
more memory or time than we give it. What a server says in words stays out of errors: it may repeat what we
sent.
"""

import contextlib
import imaplib
import ipaddress
import re
import select
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from kade.client import TransferError, client_context
from kade.core.errors import KadeError, SourceReason
from kade.sources import imap_answers
from kade.sources.imap_answers import Folder, Summary
from kade.sources.settings import MailboxSettings

_LONGEST_LINE = 1 << 20
_LARGEST_LITERAL = 1 << 20
_LARGEST_ANSWER = 1 << 26  # bytes that one command may bring
_READ = 1 << 16
_PATIENCES = 3  # one answer may take so many times the timeout, all in all
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FAREWELL_S = 2.0
_PLAIN_PORT, _TLS_PORT = 143, 993
# Each is cut by itself: a subject of a megabyte must not hide a date.
_WANTED = (
    "(UID FLAGS RFC822.SIZE INTERNALDATE "
    "BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.4096> "
    "BODY.PEEK[HEADER.FIELDS (DATE)]<0.512> "
    "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]<0.1024>)"
)
_NEWS = re.compile(rb"\* \d+ (EXISTS|EXPUNGE|FETCH)\b", re.IGNORECASE)
_PASSING = re.compile(rb"\[(UNAVAILABLE|SERVERBUG|INUSE|LIMIT|CONTACTADMIN)\]", re.IGNORECASE)
_GONE = re.compile(rb"\[(NONEXISTENT|TRYCREATE)\]", re.IGNORECASE)


class Address(NamedTuple):
    """Where a mailbox is; *encrypted*: TLS from the first byte on."""

    encrypted: bool
    host: str
    port: int
    user: str

    def __str__(self) -> str:
        return f"{self.user} at {self.host}:{self.port}"


class Selected(NamedTuple):
    """A folder as it was when it was opened: how many messages, and which numbering of them counts."""

    exists: int
    validity: int


def parse(location: str) -> Address:
    """The address in ``imaps://user@host:993``; a user's name may have an @ in it.

    Raises:
        KadeError: ``SourceReason.BAD_LOCATION``, without what may be a password.
    """
    try:
        parts = urlsplit(location)
        user, at, _host = parts.netloc.rpartition("@")
        port = parts.port
    except ValueError:
        raise KadeError(SourceReason.BAD_LOCATION, "no address of a mailbox") from None
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or not at or not user:
        raise KadeError(SourceReason.BAD_LOCATION, "a mailbox is imaps://user@host, or imap://user@host")
    if ":" in user:
        raise KadeError(SourceReason.BAD_LOCATION, "a password does not belong into the address")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise KadeError(SourceReason.BAD_LOCATION, "behind the host of a mailbox comes its port at most")
    encrypted = parts.scheme == "imaps"
    return Address(
        encrypted, parts.hostname, port or (_TLS_PORT if encrypted else _PLAIN_PORT), unquote(user)
    )


class Session:
    """One line to the mailbox at *address*, logged in. Use it as a context manager, in one thread at a time.

    Raises:
        KadeError: ``SourceReason.UNREACHABLE`` or ``LOGIN_REFUSED``, from every method.
    """

    def __init__(self, address: Address, password: bytes, settings: MailboxSettings) -> None:
        self._address = address
        self._folder: tuple[bytes, Selected] | None = None
        self._idle_since: float | None = None
        tls = _tls(settings)
        with self._told():
            self._line = _Line(address, tls if address.encrypted else None, settings.timeout_ms / 1000)
        try:
            with self._told():
                self._secure(tls, settings.insecure)
                self._log_in(password)
        except BaseException:
            self.hang_up()
            raise

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            if self._idle_since is not None:
                self._line.end_idle()
            self._line.leave()
        self.hang_up()

    def hang_up(self) -> None:
        """Without a word; whoever waits for an answer gets an error."""
        with contextlib.suppress(OSError):
            self._line.shutdown()

    def can_idle(self) -> bool:
        """Whether the server tells news by itself (RFC 2177)."""
        with self._told():
            _, answer = self._line.capability()
        return b"IDLE" in b" ".join(part or b"" for part in answer).upper().split()

    def folders(self) -> list[Folder]:
        """All that can be opened, in the server's order."""
        with self._told():
            kind, answer = self._line.list('""', "*")
        if kind != "OK":
            raise self._trouble("the folders cannot be listed")
        shut = {b"\\noselect", b"\\nonexistent"}
        return [folder for folder in imap_answers.folders(answer) if not folder.attributes & shut]

    def examine(self, raw: bytes, *, again: bool = True) -> Selected | None:
        """Open a folder, only to read it; None when there is none of that name. With *again* False an open
        one is left as it is.

        Raises:
            KadeError: ``SourceReason.UNREADABLE``, too, when it may not be opened.
        """
        if self._folder is not None and self._folder[0] == raw and not again:
            return self._folder[1]
        self._folder = None
        quoted = b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        with self._told():
            kind, answer = self._line.select(cast(str, quoted), readonly=True)
            told = b"".join(part for part in answer if isinstance(part, bytes))
            if kind != "OK":
                if _GONE.search(told):
                    return None
                raise KadeError(SourceReason.UNREADABLE, f"{self._address}: the folder cannot be opened")
            validity = self._line.response("UIDVALIDITY")[1][0]
        found = Selected(_int(told), _int(validity))
        self._folder = raw, found
        return found

    def summaries(self, first: int, last: int) -> list[Summary]:
        """Of the open folder, the messages with these places in it, from 1 on.

        Raises:
            KadeError: ``SourceReason.UNREADABLE``, too.
        """
        return list(imap_answers.summaries(self._fetch("FETCH", f"{first}:{last}", _WANTED)))

    def numbered(self, uids: Sequence[int]) -> list[Summary]:
        """Of the open folder, the messages with these numbers, as far as they are there."""
        if not uids:
            return []
        found = imap_answers.summaries(self._fetch("UID", ",".join(map(str, uids)), _WANTED))
        return [summary for summary in found if summary.uid in uids]

    def dated(self, day: date) -> list[int]:
        """Of the open folder, the numbers of messages that were sent or came in about that day, in any zone.

        Raises:
            KadeError: ``SourceReason.UNREADABLE``, too.
        """
        since, before = _date(day - timedelta(days=1)), _date(day + timedelta(days=2))
        wanted = f"OR (SENTSINCE {since} SENTBEFORE {before}) (SINCE {since} BEFORE {before})"
        with self._told():
            kind, answer = self._line.uid("SEARCH", wanted)
        if kind != "OK":
            raise KadeError(SourceReason.UNREADABLE, f"{self._address}: messages are not searched")
        return [_int(number) for part in answer for number in (part or b"").split()]

    def piece(self, uid: int, start: int, length: int) -> bytes | None:
        """Bytes of a message, fewer at its end; None when it is not there any more."""
        for told in imap_answers.fetched(self._fetch("UID", f"{uid}", f"(BODY.PEEK[]<{start}.{length}>)")):
            for name, value in told.items():
                if name.startswith(b"BODY[]"):
                    return value if isinstance(value, bytes) else b""
        return None

    def idle(self, longest: float) -> None:
        """From now on ask ``has_news`` and nothing else; *longest*: after so many seconds it is said anew."""
        if self._idle_since is not None and time.monotonic() - self._idle_since < longest:
            return
        with self._told():
            if self._idle_since is not None:
                self._line.end_idle()
            self._line.begin_idle()
        self._idle_since = time.monotonic()

    def has_news(self, seconds: float) -> bool:
        """Whether something came, left or changed in the open folder; waits for it so long."""
        with self._told():
            end = time.monotonic() + seconds
            while (rest := end - time.monotonic()) > 0 and self._line.waits(rest):
                line = self._line.readline()
                if line[:6].upper() == b"* BYE ":
                    raise imaplib.IMAP4.abort
                if _NEWS.match(line):
                    return True
            return False

    def _fetch(self, command: str, which: str, wanted: str) -> Sequence[Any]:
        with self._told():
            if command == "UID":
                kind, answer = self._line.uid("FETCH", which, wanted)
            else:
                kind, answer = self._line.fetch(which, wanted)
        if kind != "OK":
            raise KadeError(SourceReason.UNREADABLE, f"{self._address}: messages are not handed out")
        return answer

    def _secure(self, tls: ssl.SSLContext, insecure: bool) -> None:
        """Encrypt the line if it is not yet and the server can; refuse to talk openly over a network."""
        if not self._address.encrypted and "STARTTLS" in self._line.capabilities:
            self._line.starttls(tls)
        elif not self._address.encrypted and not insecure and not self._line.is_local():
            raise self._trouble("no encryption is offered, and the settings do not allow to do without")

    def _log_in(self, password: bytes) -> None:
        line, user = self._line, self._address.user
        if line.state == "AUTH":
            return
        try:
            if "AUTH=PLAIN" in line.capabilities:
                line.authenticate("PLAIN", lambda _challenge: b"\0" + user.encode() + b"\0" + password)
            elif "LOGINDISABLED" in line.capabilities:
                raise self._trouble("the server takes no password over this line")
            else:
                _log_in_simply(line, user, password)
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, UnicodeError) as error:
            if _PASSING.search(str(error).encode()):
                raise self._trouble("the server cannot log in anybody now") from None
            raise KadeError(SourceReason.LOGIN_REFUSED, str(self._address)) from None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong on the line, in the port's words."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise self._trouble(f"its certificate is not trusted: {error.verify_message}") from None
        except TimeoutError:
            raise self._trouble("no answer for too long") from None
        except imaplib.IMAP4.error:
            raise self._trouble("the line was cut, or what came was no IMAP") from None
        except OSError as error:
            raise self._trouble(error.strerror or "no connection") from None

    def _trouble(self, words: str) -> KadeError:
        return KadeError(SourceReason.UNREACHABLE, f"{self._address}: {words}")


class _Line(imaplib.IMAP4):
    """The line itself, with bounds on what is read from it."""

    def __init__(self, address: Address, tls: ssl.SSLContext | None, timeout: float) -> None:
        self._context = tls
        self._silence = timeout
        self._buffer = bytearray()
        self._read_from: object = None
        self.begin()
        super().__init__(address.host, address.port, timeout)

    def begin(self) -> None:
        """A new command: what it may bring, and how long it may take, counts from here."""
        self._came = 0
        self._end = time.monotonic() + self._silence * _PATIENCES

    def leave(self) -> None:
        """Say so; nobody waits long for the answer."""
        self._silence = min(self._silence, _FAREWELL_S)
        self.logout()

    def _new_tag(self) -> bytes:
        self.begin()  # each command has one
        tag: bytes = super()._new_tag()  # type: ignore[misc]
        return tag

    def open(self, host: str = "", port: int = _PLAIN_PORT, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self.sock = self._create_socket(timeout)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=host)
        self.file = self.sock.makefile("rb")

    def readline(self) -> bytes:
        if self._read_from is not self.sock:
            # What came before the line was encrypted may be anybody's.
            self._buffer.clear()
            self._read_from = self.sock
        searched = 0
        while (at := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > _LONGEST_LINE:
                raise self.abort("a line without an end")
            self._fill()
        return self._take(at + 1)

    def read(self, size: int) -> bytes:
        if size > _LARGEST_LITERAL:
            raise self.abort("more than was asked for")
        while len(self._buffer) < size:
            self._fill()
        return self._take(size)

    def waits(self, seconds: float) -> bool:
        """Whether a line can be read, or the end of all; waits for it so long."""
        while b"\n" not in self._buffer:
            end = time.monotonic() + seconds
            pending = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()
            if not pending and not select.select([self.sock], [], [], max(0.0, seconds))[0]:
                return False
            self.begin()
            self._fill()
            seconds = end - time.monotonic()
        return True

    def is_local(self) -> bool:
        """Whether the other end is on this machine."""
        return is_loopback(str(self.sock.getpeername()[0]))

    def begin_idle(self) -> None:
        self._idle_tag = self._new_tag()
        self.send(self._idle_tag + b" IDLE\r\n")
        while not (line := self.readline()).startswith(b"+"):
            if line.startswith(self._idle_tag):
                raise self.abort("no IDLE")

    def end_idle(self) -> None:
        self.send(b"DONE\r\n")
        while not self.readline().startswith(self._idle_tag):
            pass

    def _take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def _fill(self) -> None:
        rest = self._end - time.monotonic()
        if rest <= 0:
            raise TimeoutError
        self.sock.settimeout(min(rest, self._silence))
        found = self.sock.recv(_READ)
        if not found:
            raise self.abort("the line was cut")
        self._came += len(found)
        if self._came > _LARGEST_ANSWER:
            raise self.abort("more than was asked for")
        self._buffer += found


def _date(day: date) -> str:
    """As IMAP spells it, whatever language we run in."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def is_loopback(text: str) -> bool:
    """Whether an address is of this machine."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _log_in_simply(line: _Line, user: str, password: bytes) -> None:
    """LOGIN (6.2.3) takes quoted strings of ASCII. Raises UnicodeError for others."""
    quoted = '"' + user.replace("\\", "\\\\").replace('"', '\\"') + '"'
    secret = password.decode("ascii")
    quoted.encode("ascii")
    if any(char in quoted + secret for char in "\r\n\0"):
        raise UnicodeError("control characters")
    line.login(quoted, secret)


def _tls(settings: MailboxSettings) -> ssl.SSLContext:
    try:
        return client_context(authorities=Path(settings.authorities) if settings.authorities else None)
    except TransferError as error:
        raise KadeError(SourceReason.UNREACHABLE, str(error)) from None


def _int(value: object) -> int:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 20 else 0
