"""A mailbox behind IMAP as a ``Place``.

A key is the folder's names below the place, the folder's UIDVALIDITY and the message's UID, with slashes; a
slash or percent sign within a name is written as in a URL. A message never changes under its key (RFC 9051,
2.3.1.1), so the signature is the identity: one that is moved, or whose folder was numbered anew, is known
again and not read again. Messages that are marked as deleted are gone. Nothing is ever marked as seen.
"""

import asyncio
import contextlib
import fnmatch
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import quote, unquote

from kade.core import names
from kade.core.errors import KadeError, SourceReason
from kade.core.sources import Seen, Unreadable
from kade.sources import imap, messages
from kade.sources.imap import Address, Session
from kade.sources.imap_answers import Folder, Summary
from kade.sources.settings import MailboxSettings
from kade.sources.threads import Threads

T = TypeVar("T")

_PIECE = 1 << 18
_AT_ONCE = 200  # messages asked for by one command
_THREADS = 3  # one walks, one reads, one waits for news
_PATIENCE_S = 3600.0  # lines have timeouts of their own; a walk through empty folders may be long
_SLICE_S = 1.0  # how long a thread waits for news before it looks whether anybody still wants them
_QUIET_S, _LONGEST_S = 1.0, 10.0  # news count as one until it is quiet for so long, or they went on so long
_IDLE_S = 20 * 60.0  # RFC 2177: begun anew at least every 29 minutes
_NAMED = re.compile(r".+ - (\d{1,12})\.eml")
_LAST_S = 250_000_000_000  # some day in the last century that dates know
_LEFT_OUT = frozenset({b"\\junk", b"\\trash"})


class _Place(NamedTuple):
    """A folder of the mailbox, and its names below the place."""

    raw: bytes
    below: tuple[str, ...]


class MailboxPlace:
    """Implements ``core.ports.Place``: the folder at a path with those below it, or the whole mailbox."""

    def __init__(self, mailbox: "_Mailbox", threads: Threads) -> None:
        self._mailbox = mailbox
        self._threads = threads
        self._reader = _Reader(mailbox.connect)

    @classmethod
    async def open(
        cls, location: str, path: str, settings: MailboxSettings, password: bytes
    ) -> "MailboxPlace":
        """The mailbox at *location*; raises as ``core.ports.Places.open`` does."""
        address = imap.parse(location)
        threads = Threads(str(address), _THREADS, _PATIENCE_S)
        place = cls(_Mailbox(address, password, settings, path), threads)
        try:
            await threads.run(place._reader.use, place._mailbox.folders)
        except BaseException:
            await place.close()
            raise
        return place

    def walk(self) -> AsyncIterator[Seen | Unreadable]:
        return self._threads.iterate(self._mailbox.walk)

    async def look(self, key: str) -> Seen | None:
        return await self._threads.run(self._reader.use, lambda session: self._mailbox.look(session, key))

    def read(self, seen: Seen) -> AsyncIterator[bytes]:
        return self._threads.iterate(lambda: self._pieces(seen), batch=1)

    async def changes(self) -> AsyncIterator[None]:
        """News of one folder, which is all that IMAP tells on a line: the place's own, or the inbox. What
        happens in others is found by walks. It ends where the server has no IDLE.
        """
        async for news in self._threads.iterate(self._mailbox.news, batch=1):
            if news:
                yield None

    async def close(self) -> None:
        with contextlib.suppress(KadeError):
            await asyncio.shield(self._threads.run(self._reader.close))
        self._threads.close()

    def _pieces(self, seen: Seen) -> Generator[bytes, None, None]:
        """Each piece takes the line for itself, and gives it back while the piece is on its way."""
        position = 0
        while piece := self._reader.use(partial(self._mailbox.piece, seen=seen, start=position)):
            yield piece
            position += len(piece)
            if len(piece) < _PIECE:
                return


class _Mailbox:
    """What is asked of a mailbox; all of it blocks."""

    def __init__(self, address: Address, password: bytes, settings: MailboxSettings, path: str) -> None:
        self._address = address
        self._password = password
        self._settings = settings
        self._path = tuple(names.fold(name) for name in path.split("/") if name)
        self._shown_path = path
        self._known: dict[tuple[str, ...], _Place] = {}  # for whoever has the reader's line

    def connect(self) -> Session:
        return Session(self._address, self._password, self._settings)

    def folders(self, session: Session) -> list[_Place]:
        """The place's folders. Raises ``SourceReason.NOT_THERE`` when the place's own is not there."""
        depth = len(self._path)
        found: dict[tuple[str, ...], _Place] = {}
        out: set[tuple[str, ...]] = set()
        for folder in session.folders():
            if tuple(map(names.fold, folder.path[:depth])) != self._path:
                continue
            below = folder.path[depth:]
            if below and self._leaves_out(folder):
                out.add(below)
            found.setdefault(below, _Place(folder.raw, below))
        if not found:
            raise KadeError(SourceReason.NOT_THERE, f"{self._address}: no folder {self._shown_path!r}")
        kept = (
            place
            for below, place in found.items()
            if not any(below[: at + 1] in out for at in range(len(below)))
        )
        return list(kept)

    def walk(self) -> Generator[Seen | Unreadable, None, None]:
        with self.connect() as session:
            for folder in self.folders(session):
                yield from self._messages(session, folder)

    def look(self, session: Session, key: str) -> Seen | None:
        """What stands at a key, or what goes by that name: folders, and the name that the message has."""
        return self._look(session, key, again=True) or self._named(session, key)

    def piece(self, session: Session, seen: Seen, start: int) -> bytes:
        """Bytes of a message from *start* on, fewer than a piece at its end.

        Raises:
            KadeError: ``SourceReason.CHANGED`` when it is gone, ``UNREADABLE``.
        """
        if not start and not self._stands(session, seen):
            raise KadeError(SourceReason.CHANGED, seen.key)
        found = self._open(session, seen.key, again=False)
        piece = session.piece(found[2], start, _PIECE) if found is not None else None
        if piece is None or len(piece) > _PIECE:
            raise KadeError(SourceReason.CHANGED, seen.key)
        return piece

    def news(self) -> Generator[bool, None, None]:
        """Now and then, whether something happened; it ends at once when the server does not tell."""
        with self.connect() as session:
            by_name = {folder.below: folder for folder in self.folders(session)}
            chosen = by_name.get(()) or by_name.get(("INBOX",)) or next(iter(by_name.values()))
            if not session.can_idle() or session.examine(chosen.raw) is None:
                return
            while True:
                session.idle(_IDLE_S)
                yield _news(session)

    def _stands(self, session: Session, seen: Seen) -> bool:
        """Whether it is what was seen. To open a folder anew may cost the server a look at all of it, so that
        is done only when the message is not in the folder as it is open now."""
        for again in (False, True):
            now = self._look(session, seen.key, again=again)
            if now is not None:
                return now.signature == seen.signature
        return False

    def _look(self, session: Session, key: str, *, again: bool) -> Seen | None:
        found = self._open(session, key, again=again)
        if found is None:
            return None
        folder, validity, uid = found
        there = [summary for summary in session.numbered([uid]) if not summary.deleted]
        return _seen(folder, validity, there[0]) if there else None

    def _named(self, session: Session, key: str) -> Seen | None:
        *path, name = map(names.fold, key.split("/"))
        told = _NAMED.fullmatch(name)
        if told is None:
            return None
        day = date(1970, 1, 1) + timedelta(seconds=min(int(told[1]), _LAST_S))
        for folder in self.folders(session):
            selected = None
            if [names.fold(messages.fit(part)) for part in folder.below] == path:
                selected = session.examine(folder.raw)
            uids = session.dated(day) if selected is not None else []
            for first in range(0, len(uids), _AT_ONCE):
                for summary in session.numbered(uids[first : first + _AT_ONCE]):
                    if selected and not summary.deleted and names.fold(messages.name(summary)) == name:
                        return _seen(folder, selected.validity, summary)
        return None

    def _open(self, session: Session, key: str, *, again: bool) -> tuple[_Place, int, int] | None:
        """The folder of that key, opened, and the numbers in the key; None when there is no such folder, or
        its messages have other numbers by now."""
        *below, validity, uid = ("", *key.split("/"))
        if not (_is_number(validity) and _is_number(uid)):
            return None
        path = tuple(map(unquote, below[1:]))
        if again or path not in self._known:
            self._known = {folder.below: folder for folder in self.folders(session)}
        folder = self._known.get(path)
        selected = session.examine(folder.raw, again=again) if folder is not None else None
        if folder is None or selected is None or selected.validity != int(validity):
            return None
        return folder, selected.validity, int(uid)

    def _messages(self, session: Session, folder: _Place) -> Generator[Seen | Unreadable, None, None]:
        """All messages of a folder, by their places in it, which stay while nothing else is asked."""
        try:
            selected = session.examine(folder.raw)
        except KadeError as error:
            if error.reason is not SourceReason.UNREADABLE:
                raise
            yield Unreadable(_prefix(folder), "the folder cannot be opened")
            return
        if selected is None:
            return
        for first in range(1, selected.exists + 1, _AT_ONCE):
            try:
                found = session.summaries(first, min(first + _AT_ONCE - 1, selected.exists))
            except KadeError as error:
                if error.reason is not SourceReason.UNREADABLE:
                    raise
                yield Unreadable(_prefix(folder), f"messages from the {first}. on are not handed out")
                continue
            for summary in found:
                if not summary.deleted:
                    yield _seen(folder, selected.validity, summary)

    def _leaves_out(self, folder: Folder) -> bool:
        if self._settings.usual and folder.attributes & _LEFT_OUT:
            return True
        # Folders above it that hold none themselves are not among those that can be opened.
        paths = [names.fold("/".join(folder.path[:depth])) for depth in range(1, len(folder.path) + 1)]
        patterns = map(names.fold, self._settings.exclude)
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns for path in paths)


class _Reader:
    """One line for looks and reading, made when it is first needed and again when it broke meanwhile."""

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._session: Session | None = None
        self._lock = threading.Lock()

    def use(self, work: Callable[[Session], T]) -> T:
        """What *work* makes of the line; one that was cut while nobody used it is made anew."""
        with self._lock:
            is_old = self._session is not None
            try:
                return self._attempt(work)
            except KadeError as error:
                if not is_old or error.reason is not SourceReason.UNREACHABLE:
                    raise
            return self._attempt(work)

    def close(self) -> None:
        with self._lock:
            if self._session is not None:
                self._session.__exit__()
            self._session = None

    def _attempt(self, work: Callable[[Session], T]) -> T:
        if self._session is None:
            self._session = self._connect()
        try:
            return work(self._session)
        except KadeError as error:
            if error.reason is SourceReason.UNREACHABLE:
                self._session.hang_up()
                self._session = None
            raise


def _news(session: Session) -> bool:
    """Whether there were any by the time that it is quiet again; comes back now and then in any case."""
    if not session.has_news(_SLICE_S):
        return False
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end and session.has_news(_QUIET_S):
        pass
    return True


def _seen(folder: _Place, validity: int, summary: Summary) -> Seen:
    identity = messages.identity(summary)
    return Seen(
        key=f"{_prefix(folder)}{validity}/{summary.uid}",
        folder=tuple(map(messages.fit, folder.below)),
        name=messages.name(summary),
        signature=identity,
        identity=identity,
        length=summary.size,
        modified_at=messages.written_at(summary),
    )


def _prefix(folder: _Place) -> str:
    return "".join(f"{_quoted(name)}/" for name in folder.below)


def _quoted(name: str) -> str:
    """*name* with what no key should have in it written as in a URL."""
    return "".join(char if char != "%" and messages.fits(char) else quote(char, safe="") for char in name)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12
