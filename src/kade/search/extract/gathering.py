"""What was found in one file so far, and what it may still cost."""

import mimetypes
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from kade.core.clock import Millis
from kade.core.extraction import Attachment, Extracted, Remark, RemarkKind
from kade.core.search import Kind
from kade.search.extract import kinds
from kade.search.extract.limits import Limits

_IN_MEMORY = 1 << 20  # longer parts lie in a temporary file
_REMARKS = 50
_NAME = 200  # characters of an attachment's name
# What is no text: control characters but tab and newline, halves of surrogate pairs, no characters at all.
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_SOFT_HYPHEN = "\xad"


class Unreadable(Exception):
    """A file, or a part of one, out of which no (more) text can be had; *kind* says why."""

    def __init__(self, kind: RemarkKind) -> None:
        super().__init__(kind)
        self.kind = kind


class Exhausted(Exception):
    """What the whole file may cost is used up, after *kept* bytes or parts."""

    def __init__(self, kind: RemarkKind, kept: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.kept = kept


class Part(NamedTuple):
    """A file, or one within it. *charset* is what its surroundings say of its encoding, or empty."""

    stream: BinaryIO
    name: str
    media_type: str
    charset: str = ""


class Gathering:
    """Readers say here what they find; *reader* reads a part, as they do.

    With *wanted* names, attachments of these names are written to *folder*, and no text is gathered.
    """

    def __init__(
        self,
        limits: Limits,
        reader: "Callable[[Part, Gathering], None]",
        wanted: Iterable[str] = (),
        folder: Path | None = None,
    ) -> None:
        self.limits = limits
        self.written: dict[str, str] = {}
        self._reader = reader
        self._wanted = frozenset(wanted)
        self._folder = folder
        self._about = Extracted()
        self._text: list[str] = []
        self._kept = self._length = self._expanded = self._parts = self._listed = self._remarked = 0
        self._trail: list[str] = []
        self._attachments: list[Attachment] = []
        self._names: set[str] = set()
        self._remarks: list[Remark] = []

    @property
    def nested(self) -> bool:
        """Whether what is read now lies within something else."""
        return len(self._trail) > 1

    def say(self, text: str) -> None:
        """Add *text* to what the file says."""
        if _NO_TEXT.search(text):
            text = _NO_TEXT.sub(" ", text)
        if _SOFT_HYPHEN in text:
            text = text.replace(_SOFT_HYPHEN, "")
        self._length += len(text)
        if self._kept < self.limits.characters and not self._wanted:
            piece = text[: self.limits.characters - self._kept]
            self._text.append(piece)
            self._kept += len(piece)

    def describe(
        self,
        *,
        title: str = "",
        author: str = "",
        modified_at: Millis | None = None,
        properties: str = "",
        kind: Kind = Kind.FILE,
    ) -> None:
        """What the file says about itself; the last word counts, and what lies within another has none."""
        if not self.nested:
            self._about = Extracted(
                kind=kind,
                title=plain(title),
                author=plain(author),
                modified_at=modified_at,
                properties=properties,
            )

    def remark(self, kind: RemarkKind, part: str = "", kept: int = 0, length: int = 0) -> None:
        """Something was cut or failed in *part* of what is read now, or in all of it."""
        self._remarked += 1
        if self._remarked < _REMARKS:
            where = "/".join([*self._trail[1:], *filter(None, [part])])
            self._remarks.append(Remark(kind, where, kept, length))

    def expand(self, length: int) -> None:
        """Another *length* bytes were unpacked.

        Raises:
            Exhausted: these are too many.
        """
        self._expanded += length
        if self._expanded > self.limits.expanded:
            raise Exhausted(RemarkKind.TOO_LARGE, self.limits.expanded)

    def count(self) -> None:
        """Another part was met.

        Raises:
            Exhausted: it is one too many.
        """
        self._parts += 1
        if self._parts > self.limits.parts:
            raise Exhausted(RemarkKind.TOO_MANY, self.limits.parts)

    def attach(
        self,
        name: str,
        pieces: Iterable[bytes],
        media_type: str = "",
        created_at: Millis | None = None,
        charset: str = "",
        *,
        listed: bool = True,
    ) -> None:
        """A file that lies within the one that is read: list it, and add what it says.

        *pieces* are its bytes, *media_type* is what is said of it. What is not *listed* is no file to people.

        Raises:
            Exhausted: it is one too many, or too long.
        """
        self.count()
        name = plain_name(name)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            stream = cast(BinaryIO, spool)
            try:
                length = self._copy(pieces, stream)
            except Unreadable as error:
                self.remark(error.kind, name)
                return
            found = kinds.detect(stream, name, media_type)
            if listed and not self.nested:
                name = self._list(name, length, _shown_type(found, media_type, name), created_at, stream)
            if not self._wanted:
                self.look_into(Part(stream, name, found, charset))

    def look_into(self, part: Part) -> None:
        """Read *part*; whatever is wrong with it is a remark.

        Raises:
            Exhausted: the whole file costs too much.
        """
        if len(self._trail) > self.limits.depth:
            self.remark(RemarkKind.TOO_DEEP, part.name)
            return
        self._trail.append(part.name)
        try:
            part.stream.seek(0)
            self._reader(part, self)
        except Unreadable as error:
            self.remark(error.kind)
        except RecursionError:
            self.remark(RemarkKind.TOO_DEEP)
        except (Exhausted, MemoryError):
            raise
        except Exception:  # readers trust nothing, and stumble over what no one foresaw
            self.remark(RemarkKind.DAMAGED)
        finally:
            self._trail.pop()

    def result(self, media_type: str) -> Extracted:
        """Everything, of a file of that type."""
        kept, about = self._kept, self._about
        is_cut = self._length > kept and not self._wanted
        text = "".join(self._text) if is_cut else "".join(self._text).strip()
        if is_cut:
            self._remarks.append(Remark(RemarkKind.CUT, kept=kept, length=self._length))
        if self._listed > len(self._attachments):
            listed = len(self._attachments)
            self._remarks.append(Remark(RemarkKind.TOO_MANY, kept=listed, length=self._listed))
        if self._remarked >= _REMARKS:
            self._remarks.append(Remark(RemarkKind.TOO_MANY, "remarks", _REMARKS - 1, self._remarked))
        return Extracted(
            kind=about.kind,
            media_type=media_type,
            text=text,
            length=self._length if is_cut else len(text),
            title=about.title,
            author=about.author,
            modified_at=about.modified_at,
            properties=about.properties,
            attachments=tuple(self._attachments),
            remarks=tuple(self._remarks),
        )

    def _copy(self, pieces: Iterable[bytes], stream: BinaryIO) -> int:
        length = 0
        for piece in pieces:
            self.expand(len(piece))
            length += stream.write(piece)
        stream.seek(0)
        return length

    def _list(
        self, name: str, length: int, media_type: str, created_at: Millis | None, stream: BinaryIO
    ) -> str:
        self._listed += 1
        if len(self._attachments) >= self.limits.attachments:
            return name
        name = self._unique(name)
        self._attachments.append(Attachment(name, length, media_type, created_at))
        if name in self._wanted and self._folder is not None:
            file = str(len(self.written))
            with (self._folder / file).open("wb") as target:
                shutil.copyfileobj(stream, target)
            self.written[name] = file
        return name

    def _unique(self, name: str) -> str:
        path, number = PurePosixPath(name), 1
        while name in self._names:
            number += 1
            name = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        self._names.add(name)
        return name


def plain(text: str) -> str:
    """*text* in one line, without anything that is no text."""
    return " ".join(_NO_TEXT.sub(" ", text).split())


def plain_name(name: str) -> str:
    """A name that leads nowhere: no control characters, drives, steps upwards or empty steps."""
    steps = [plain(step) for step in re.sub(r"^[A-Za-z]:", "", name.replace("\\", "/")).split("/")]
    name = "/".join(step for step in steps if step.strip(". "))
    if len(name) > _NAME:
        return f"{name[: _NAME // 2]}…{name[-_NAME // 2 + 1 :]}"
    return name or "attachment"


def _shown_type(found: str, said: str, name: str) -> str:
    """What an attachment is: as its bytes tell, else as is said of it, else as its name has it."""
    if found not in (kinds.UNKNOWN, kinds.EMPTY, "text/plain"):
        return found
    guessed = mimetypes.guess_type(name)[0] if found == kinds.UNKNOWN else None
    return plain(said) or guessed or found
