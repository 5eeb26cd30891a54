"""A mailbox for the demonstration: as much of IMAP (RFC 9051) as somebody needs who reads it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.policy import default

USER = "info@example.org"
PASSWORD = "at-the-quay"  # noqa: S105 - of a mailbox that lasts for a demonstration
_FIELDS = (b"SUBJECT", b"DATE", b"MESSAGE-ID")
_PIECE = re.compile(rb"BODY\.PEEK\[\]<(\d+)\.(\d+)>", re.IGNORECASE)


class Mailbox:
    """Serves one folder, INBOX, with these messages, on a free loopback port."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.messages = dict(enumerate(messages, start=1))
        self._server: asyncio.Server | None = None

    @property
    def location(self) -> str:
        """Where it is, as a service's location."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"imap://{USER.replace('@', '%40')}@127.0.0.1:{port}"

    async def open(self) -> None:
        """Serve from now on."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        """Serve no longer."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"* OK [CAPABILITY IMAP4rev1] a mailbox of the demonstration\r\n")
            while line := await reader.readline():
                tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
                command, _, argument = rest.partition(b" ")
                for answer in self._answers(command.upper(), argument):
                    writer.write(answer + b"\r\n")
                writer.write(tag + self._end(command.upper(), argument) + b"\r\n")
                await writer.drain()
                if command.upper() == b"LOGOUT":
                    break
        writer.close()

    def _end(self, command: bytes, argument: bytes) -> bytes:
        wrong = command == b"LOGIN" and f'"{PASSWORD}"'.encode() not in argument
        return b" NO no such user" if wrong else b" OK done"

    def _answers(self, command: bytes, argument: bytes) -> Iterator[bytes]:
        if command == b"CAPABILITY":
            yield b"* CAPABILITY IMAP4rev1"
        elif command == b"LIST":
            yield b'* LIST () "/" INBOX'
        elif command in (b"EXAMINE", b"SELECT"):
            yield b"* %d EXISTS" % len(self.messages)
            yield b"* OK [UIDVALIDITY 1] the messages keep their numbers"
        elif command == b"FETCH":
            yield from self._fetched(argument, by_uid=False)
        elif command == b"UID":
            yield from self._fetched(argument.partition(b" ")[2], by_uid=True)
        elif command == b"LOGOUT":
            yield b"* BYE until next time"

    def _fetched(self, argument: bytes, *, by_uid: bool) -> Iterator[bytes]:
        which, _, wanted = argument.partition(b" ")
        first, _, last = which.partition(b":")
        chosen = range(int(first), int(last or first) + 1)
        for place, (uid, message) in enumerate(self.messages.items(), start=1):
            if (uid if by_uid else place) in chosen:
                yield b"* %d FETCH (UID %d %s)" % (place, uid, _told(message, wanted))


def _told(message: bytes, wanted: bytes) -> bytes:
    if piece := _PIECE.search(wanted):
        start, length = int(piece[1]), int(piece[2])
        data = message[start : start + length]
        return b"BODY[]<%d> {%d}\r\n%s" % (start, len(data), data)
    parsed = message_from_bytes(message, policy=default)
    fields = []
    for name in _FIELDS:
        value = f"{name.decode()}: {parsed[name.decode()]}\r\n\r\n".encode()
        fields.append(b"BODY[HEADER.FIELDS (%s)]<0> {%d}\r\n%s" % (name, len(value), value))
    size = b'FLAGS () RFC822.SIZE %d INTERNALDATE "22-Nov-2026 12:00:00 +0000" ' % len(message)
    return size + b" ".join(fields)
