"""A folder tree as it is looked at: blocking, and without ever leaving its root.

Every folder is opened from its parent's descriptor, and no name on the way may be a link, so what is put in
the place of a folder between two looks leads nowhere else. Links to folders are not walked into: what they
lead to is found under its own name. A link to a file is that file, if it lies inside the root.

A file's *signature* is its length, time of change (ns) and inode. Its *identity* is the same three: a rename
keeps them. An inode alone would not do, as file systems give the number of a removed file to the next one;
whether that is a new file shows in its time. So a file that is renamed *and* changed between two walks is
taken for another one. The device is no part of it: network file systems and some local ones number theirs
anew at each mount. What is written in place with its length and its time put back is not noticed.
"""

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from kade.core import names
from kade.core.clock import Millis, to_datetime
from kade.core.errors import KadeError, SourceReason
from kade.core.sources import Seen, Unreadable
from kade.sources.settings import FolderSettings

USUAL = (
    "~$*", ".~lock.*#", "~WRL*.tmp",  # open office documents
    "Thumbs.db", "ehthumbs.db", "desktop.ini", ".DS_Store", "._*", ".nfs????*",  # what systems leave behind
    "$RECYCLE.BIN", "System Volume Information", ".Trash-*", "lost+found",
    ".*.sw?", "*~", ".#*", "#*#",  # editors at work
)  # fmt: skip
"""What is left out unless the settings say otherwise."""

_PIECE = 1 << 18
_LONGEST = 4096  # bytes of a path below the place; longer ones no program could open
_ON_THE_WAY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TO_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: somebody may have put a pipe where a file was.
_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# There is nothing of that name, or no longer the folder or file that was there.
_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class FolderTree:
    """What lies at *path* (names with slashes) below *location*; all its methods block."""

    def __init__(self, location: str, path: str, settings: FolderSettings) -> None:
        self._location = location
        self._path = path
        self._may_be_empty = settings.may_be_empty
        self._left_out = _patterns((*settings.exclude, *(USUAL if settings.usual else ())))
        self._root = self._real = ""
        self._below: tuple[str, ...] = ()

    @property
    def real(self) -> str:
        """The place's path with all links resolved, once ``resolve`` was called."""
        return self._real

    def resolve(self) -> None:
        """Find the root and the place; links on the way to them count.

        Raises:
            KadeError: ``SourceReason.NOT_THERE``, also when *path* leads outside the root.
        """
        with self._told():
            self._root = os.path.realpath(self._location, strict=True)
            found = self._root
            for name in filter(None, self._path.split("/")):
                found = f"{found}/{_spelled(found, name)}"
            self._real = os.path.realpath(found, strict=True)
        below = self._inside(self._real)
        if below is None:
            raise KadeError(SourceReason.NOT_THERE, f"{self._path}: leads out of {self._location}")
        self._below = below
        self.mark()

    def mark(self) -> tuple[int, int]:
        """Which folder it is now: another one, after another disk was mounted there.

        Raises:
            KadeError: ``SourceReason.NOT_THERE`` or ``UNREACHABLE``.
        """
        with self._opened() as root, self._told(), _folder(root, self._below, _ON_THE_WAY) as place:
            found = os.fstat(place)
            return found.st_dev, found.st_ino

    def walk(self) -> Generator[Seen | Unreadable, None, None]:
        """Everything, folder by folder; what vanishes meanwhile is not there. Raises as ``mark`` does."""
        began = self.mark()
        with self._opened() as root:
            pending = [""]
            while pending:
                prefix = pending.pop()
                try:
                    with _folder(root, (*self._below, *_parts(prefix)), _TO_LIST) as folder:
                        yield from self._entries(root, folder, prefix, pending)
                except OSError as error:
                    if error.errno not in _VANISHED:
                        yield Unreadable(prefix, _words(error))
        # A disk that went away in the middle looks like folders that vanished.
        if self.mark() != began:
            raise KadeError(SourceReason.NOT_THERE, f"{self._location}: another folder is there by now")

    def look(self, key: str) -> Seen | None:
        """The file at that path, spelled like this or, failing that, in other case.

        Raises:
            KadeError: as ``mark`` does, and ``SourceReason.UNREADABLE``.
        """
        wanted = key.split("/")
        if any(not name or name in (".", "..") or "\0" in name for name in wanted):
            return None
        with self._opened() as root:
            try:
                return self._find(root, "", wanted)
            except OSError as error:
                raise KadeError(SourceReason.UNREADABLE, f"{key}: {_words(error)}") from None

    def read(self, seen: Seen) -> Generator[bytes, None, None]:
        """Its bytes. Raises ``SourceReason.CHANGED``, ``UNREADABLE`` and what ``mark`` does."""
        with self._opened() as root:
            try:
                descriptor = self._open_file(root, seen.key)
            except OSError as error:
                gone = error.errno in _VANISHED or error.errno == errno.ENXIO
                reason = SourceReason.CHANGED if gone else SourceReason.UNREADABLE
                raise KadeError(reason, f"{seen.key}: {_words(error)}") from None
        try:
            yield from _pieces(descriptor, seen)
        except OSError as error:
            raise KadeError(SourceReason.UNREADABLE, f"{seen.key}: {_words(error)}") from None
        finally:
            os.close(descriptor)

    def leaves_out(self, key: str) -> bool:
        """Whether the settings leave out what is at that path below the place, or a folder above it."""
        parts = key.split("/")
        return any(self._is_left_out(name, "/".join(parts[: at + 1])) for at, name in enumerate(parts))

    def _is_left_out(self, name: str, key: str) -> bool:
        by_name, by_path = self._left_out
        return bool(by_name.fullmatch(name) or by_path.fullmatch(key))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the system says of the root or the place, in the port's words."""
        try:
            yield
        except OSError as error:
            reason = SourceReason.NOT_THERE if error.errno in _VANISHED else SourceReason.UNREACHABLE
            raise KadeError(reason, f"{self._location}: {_words(error)}") from None

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The root's descriptor; it is held no longer than needed, as it holds up an unmount."""
        with self._told():
            root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with self._told(), os.scandir(root) as entries:
                if next(entries, None) is None and not self._may_be_empty:
                    raise KadeError(SourceReason.NOT_THERE, f"{self._location}: empty, as if not mounted")
            yield root
        finally:
            os.close(root)

    def _inside(self, real: str) -> tuple[str, ...] | None:
        """The names that lead from the root to *real*; None when it lies elsewhere."""
        if real == self._root:
            return ()
        root = self._root.rstrip("/") + "/"
        return tuple(real[len(root) :].split("/")) if real.startswith(root) else None

    def _entries(
        self, root: int, folder: int, prefix: str, pending: list[str]
    ) -> Iterator[Seen | Unreadable]:
        """The files of one folder; its folders become pending."""
        shown = tuple(names.clean(name, SourceReason.BAD_NAME) for name in _parts(prefix))
        with os.scandir(folder) as entries:
            for entry in entries:
                key = prefix + entry.name
                if self._is_left_out(entry.name, key):
                    continue
                is_folder = entry.is_dir(follow_symlinks=False)
                name, flaw = _fit(entry.name, key)
                if flaw:
                    yield Unreadable(_printable(key) + "/" * is_folder, flaw)
                elif is_folder:
                    pending.append(key + "/")
                elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
                    try:
                        found = self._status(root, folder, key, entry.stat(follow_symlinks=False))
                    except OSError as error:
                        if error.errno not in _VANISHED:
                            yield Unreadable(key, _words(error))
                        continue
                    if found is not None:
                        yield _seen(key, shown, name, *found)

    def _status(
        self, root: int, folder: int, key: str, found: os.stat_result
    ) -> tuple[os.stat_result, bool] | None:
        """What counts for the entry at *key*, and whether it is a link to it; None when it is no file."""
        if stat.S_ISREG(found.st_mode):
            return found, False
        below = self._target(key) if stat.S_ISLNK(found.st_mode) else None
        if not below:
            return None
        with _folder(root, below[:-1], _ON_THE_WAY) as parent:
            found = os.stat(below[-1], dir_fd=parent, follow_symlinks=False)
        return (found, True) if stat.S_ISREG(found.st_mode) else None

    def _target(self, key: str) -> tuple[str, ...] | None:
        """Where the link at *key* leads, below the root; None when that is outside, or nowhere."""
        try:
            return self._inside(os.path.realpath(f"{self._real}/{key}", strict=True))
        except OSError:
            return None

    def _find(self, root: int, prefix: str, wanted: list[str]) -> Seen | None:
        """The first of the candidates for these names that leads to a file."""
        try:
            with _folder(root, (*self._below, *_parts(prefix)), _TO_LIST) as folder:
                for name in _candidates(folder, wanted[0]):
                    key = prefix + name
                    if self._is_left_out(name, key) or _fit(name, key)[1]:
                        continue
                    if len(wanted) > 1:
                        found = self._find(root, key + "/", wanted[1:])
                    else:
                        found = self._file(root, folder, prefix, name)
                    if found is not None:
                        return found
        except OSError as error:
            if error.errno not in _VANISHED:
                raise
        return None

    def _file(self, root: int, folder: int, prefix: str, name: str) -> Seen | None:
        try:
            found = self._status(
                root, folder, prefix + name, os.stat(name, dir_fd=folder, follow_symlinks=False)
            )
        except OSError as error:
            if error.errno in _VANISHED:
                return None
            raise
        shown = tuple(names.clean(part, SourceReason.BAD_NAME) for part in _parts(prefix))
        return _seen(prefix + name, shown, _fit(name, "")[0], *found) if found is not None else None

    def _open_file(self, root: int, key: str) -> int:
        """Raises OSError."""
        below = (*self._below, *key.split("/"))
        try:
            with _folder(root, below[:-1], _ON_THE_WAY) as parent:
                return os.open(below[-1], _TO_READ, dir_fd=parent)
        except OSError as error:
            target = self._target(key) if error.errno == errno.ELOOP else None
            if not target:
                raise
        with _folder(root, target[:-1], _ON_THE_WAY) as parent:
            return os.open(target[-1], _TO_READ, dir_fd=parent)


@contextmanager
def _folder(root: int, below: tuple[str, ...], flags: int) -> Iterator[int]:
    """The folder at these names below *root*, none of which is a link. Raises OSError."""
    current = os.open(".", flags if not below else _ON_THE_WAY, dir_fd=root)
    try:
        for at, name in enumerate(below, 1):
            deeper = os.open(name, flags if at == len(below) else _ON_THE_WAY, dir_fd=current)
            os.close(current)
            current = deeper
        yield current
    finally:
        os.close(current)


def _pieces(descriptor: int, seen: Seen) -> Iterator[bytes]:
    """All bytes, if they are those of what was seen, and nobody wrote to it meanwhile."""
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode) or _signature(before) != seen.signature:
        raise KadeError(SourceReason.CHANGED, seen.key)
    while piece := os.read(descriptor, _PIECE):
        yield piece
    after = os.fstat(descriptor)
    if (_signature(before), before.st_ctime_ns) != (_signature(after), after.st_ctime_ns):
        raise KadeError(SourceReason.CHANGED, seen.key)


def _candidates(folder: int, wanted: str) -> Iterator[str]:
    """Entries of that name: as it is spelled first, then those that differ in case or normal form alone."""
    try:
        os.stat(wanted, dir_fd=folder, follow_symlinks=False)
        yield wanted
    except OSError as error:
        if error.errno not in (*_VANISHED, errno.ENAMETOOLONG):
            raise
    folded = names.fold(wanted)
    with os.scandir(folder) as entries:
        alike = [entry.name for entry in entries if names.fold(entry.name) == folded]
    yield from (name for name in sorted(alike) if name != wanted)


def _spelled(folder: str, wanted: str) -> str:
    """How that name is spelled in the folder; *wanted* itself when nothing is like it. Raises OSError."""
    if wanted in (".", "..") or "\0" in wanted:
        raise FileNotFoundError(errno.ENOENT, "a path may not have . or .. in it")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return next(_candidates(descriptor, wanted), wanted)
    finally:
        os.close(descriptor)


def _seen(key: str, folder: tuple[str, ...], name: str, found: os.stat_result, linked: bool) -> Seen:
    signature = _signature(found)
    return Seen(
        key=key,
        folder=folder,
        name=name,
        signature=signature,
        # The identity is that of the file it leads to, which may well be there by its own name.
        identity="" if linked else signature,
        length=found.st_size,
        modified_at=_moment(found.st_mtime_ns // 1_000_000),
    )


def _signature(found: os.stat_result) -> str:
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}"


def _moment(found: int) -> Millis | None:
    """None for a time that could not be told to anybody."""
    try:
        to_datetime(Millis(found))
    except (ValueError, OverflowError, OSError):
        return None
    return Millis(found)


def _parts(prefix: str) -> tuple[str, ...]:
    return tuple(prefix.split("/")[:-1])


def _fit(name: str, key: str) -> tuple[str, str]:
    """*name* as it is shown, and why what has it cannot be kept; empty: it can."""
    try:
        if len(key.encode()) > _LONGEST:
            return "", f"its path is longer than {_LONGEST} bytes"
        if name.isascii() and name.isprintable() and "\\" not in name:
            return name, ""  # most are like this
        return names.clean(name, SourceReason.BAD_NAME), ""
    except UnicodeEncodeError:
        return "", "its name is not UTF-8"
    except KadeError:
        return "", "its name has a control character, a backslash or a mark that turns the writing round"


def _printable(key: str) -> str:
    """A path as text, whatever bytes are in it."""
    text = os.fsencode(key).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)[:_LONGEST]


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _patterns(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Those for names, and those, with a slash, for paths."""
    return (
        _any_of([pattern for pattern in patterns if "/" not in pattern]),
        _any_of([pattern.strip("/") for pattern in patterns if "/" in pattern]),
    )


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)", re.IGNORECASE)
