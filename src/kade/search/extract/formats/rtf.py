"""Rich Text Format (version 1.9.1): text of the document, headers, notes, comments and boxes, and pictures.

A group in braces inherits what holds around it. It may be a *destination*, by its first control word: text
that belongs elsewhere (a footnote, a font's name), which is shown, muted (what is below it may still be
shown) or skipped with all that is below it.
"""

import re
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kade.core.clock import Millis, from_datetime
from kade.core.extraction import RemarkKind
from kade.search.extract.formats.package import attach_object
from kade.search.extract.formats.pdf import whole
from kade.search.extract.gathering import Gathering, Part
from kade.search.extract.summary import codepage_name

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\", re.DOTALL
)
_SAID = {
    **dict.fromkeys(("par", "line", "sect", "page", "row", "nestrow", "column"), "\n"),
    **dict.fromkeys(("tab", "cell", "nestcell"), "\t"),
    **dict.fromkeys(("emspace", "enspace", "qmspace"), " "),
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
}
_SYMBOLS = {b"~": " ", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\", b"\n": "\n", b"\r": "\n"}
# What begins with \* is skipped unless it is one of these.
_SHOWN = frozenset({"annotation", "footnote", "shpinst", "shptxt", "shppict", "do", "dptxbxtext", "objdata"})
_GROUPING = frozenset({"shpinst", "shppict", "do"})  # have no text of their own
_SKIPPED = frozenset({
    "colortbl", "stylesheet", "nonshppict", "pntext", "listtext", "filetbl", "revtbl", "xe", "tc",
    "template", "operator", "comment", "doccomm", "keywords", "category", "manager", "company",
    "subject", "creatim", "printim", "buptim",
})  # fmt: skip
_COLLECTED = frozenset({"title", "author", "pict", "objdata", "revtim", "fonttbl"})
_MUTED = frozenset({"info", "sp"})
_PICTURES = {
    "pngblip": "png",
    "jpegblip": "jpg",
    "emfblip": "emf",
    "wmetafile": "wmf",
    "macpict": "pict",
    "dibitmap": "dib",
}
_CODEPAGES = {77: 10000, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255,
              178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250}  # fmt: skip
_APART = frozenset({"annotation", "footnote", "shptxt", "dptxbxtext"})
_DEEPEST = 500


def read(part: Part, gathering: Gathering) -> None:
    """Say all text, and attach pictures and objects."""
    document = say(whole(part, gathering), gathering)
    gathering.describe(
        title=document.said["title"], author=document.said["author"], modified_at=document.saved_at()
    )


def say(data: bytes, gathering: Gathering) -> "_Document":
    """Say the text of the RTF *data*."""
    document = _Document(gathering)
    document.read(data)
    return document


@dataclass(slots=True)
class _Group:
    destination: str = ""  # empty: the text; one of _COLLECTED; "muted" or "skipped"
    font: int = -1
    replacements: int = 1  # characters behind a \u that stand for it where Unicode is not known
    doubled: bool = False  # what HTML within says as well


class _Document:
    def __init__(self, gathering: Gathering) -> None:
        self.said = {"title": "", "author": ""}
        self._gathering = gathering
        self._groups = [_Group()]
        self._fonts: dict[int, str] = {}
        self._encoding = "cp1252"
        self._bytes = bytearray()  # not decoded yet: a character may take two
        self._unicode: list[int] = []
        self._to_skip = 0
        self._starred = False
        self._fresh = False  # a group has begun, and nothing in it yet
        self._data = bytearray()  # hex digits of a picture or an object
        self._binary = bytearray()
        self._suffix = "pict"
        self._time: dict[str, int] = {}
        self._counts = {"pict": 0, "objdata": 0}

    def read(self, data: bytes) -> None:
        at = 0
        while (found := _TOKEN.match(data, at)) is not None:
            at = found.end()
            word, number, digits, symbol, brace, text = found.groups()
            if word is not None:
                name = word.decode("ascii")
                if name == "bin":
                    length = max(0, int(number or 0))
                    self._take_binary(data[at : at + length])
                    at += length
                else:
                    self._control(name, int(number) if number else None)
            elif digits is not None:
                self._text(bytes([int(digits, 16)]), 1)
            elif symbol is not None:
                self._symbol(symbol)
            elif brace is not None:
                self._brace(brace)
            elif text is not None:
                self._text(text, len(text))
        self._flush()
        self._gathering.say("\n")
        if len(self._groups) > 1:
            self._gathering.remark(RemarkKind.DAMAGED)  # it ends too soon

    def saved_at(self) -> Millis | None:
        """By the clock of who wrote it, which counts as UTC."""
        year, month, day, hour, minute = (self._time.get(name, 0) for name in ("yr", "mo", "dy", "hr", "min"))
        try:
            return from_datetime(datetime(year, month, day, hour, minute, tzinfo=UTC))
        except (ValueError, TypeError):
            return None

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._to_skip = 0
        if brace == b"{":
            if len(self._groups) > _DEEPEST:
                raise RecursionError
            self._groups.append(replace(self._groups[-1]))
            self._fresh, self._starred = True, False
            return
        closed = self._groups.pop() if len(self._groups) > 1 else self._groups[0]
        if closed.destination != self._groups[-1].destination and closed.destination in self._counts:
            self._attach(closed.destination)

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._starred = True
            return
        if symbol in _SYMBOLS:
            self._say(_SYMBOLS[symbol])

    def _control(self, name: str, number: int | None) -> None:
        self._flush_bytes()
        starred, fresh = self._starred, self._fresh
        self._starred = self._fresh = False
        group = self._groups[-1]
        if group.destination == "skipped":
            return
        if (starred and name not in _SHOWN) or name in _SKIPPED:
            group.destination = "skipped"
        elif name in _COLLECTED and (fresh or starred):
            group.destination = "skipped" if self.said.get(name) else name  # the first one counts
        elif name in _MUTED and fresh:
            group.destination = "muted"
        elif name in _SHOWN or name == "result":
            group.destination = "muted" if name in _GROUPING else ""
            self._say("\n" if name in _APART else "")
        else:
            self._setting(name, number, group)

    def _setting(self, name: str, number: int | None, group: _Group) -> None:
        if name in _SAID:
            self._say(_SAID[name])
        elif name == "u" and number is not None:
            self._unicode.append(number & 0xFFFF)
            self._to_skip = group.replacements
        elif name == "uc":
            group.replacements = max(0, number or 0)
        elif name == "f":
            group.font = number or 0
        elif name == "fcharset" and group.destination == "fonttbl":
            if number in _CODEPAGES:
                self._fonts[group.font] = codepage_name(_CODEPAGES[number])
        elif name == "htmlrtf":
            group.doubled = number != 0
        elif name in _PICTURES:
            self._suffix = _PICTURES[name]
        else:
            self._global_setting(name, number, group)

    def _global_setting(self, name: str, number: int | None, group: _Group) -> None:
        if group.destination == "revtim" and number is not None:
            self._time.setdefault(name, number)
        elif name == "ansicpg":
            self._encoding = codepage_name(number or 1252)
        elif name == "mac":
            self._encoding = "mac-roman"
        elif name == "pc":
            self._encoding = "cp437"

    def _text(self, data: bytes, characters: int) -> None:
        self._fresh = self._starred = False
        if self._to_skip:
            skipped = min(self._to_skip, characters)
            self._to_skip -= skipped
            data = data[skipped:]
            if not data:
                return
        self._flush_unicode()
        destination = self._groups[-1].destination
        if destination in self._counts:
            self._data += data
        elif destination in self.said or not destination:
            self._bytes += data

    def _take_binary(self, data: bytes) -> None:
        if self._groups[-1].destination in self._counts:
            self._binary += data

    def _say(self, text: str) -> None:
        self._flush()
        group = self._groups[-1]
        if group.destination in self.said:
            self.said[group.destination] += text
        elif not group.destination and (not group.doubled or text.isspace()):
            self._gathering.say(text)

    def _flush(self) -> None:
        self._flush_bytes()
        self._flush_unicode()

    def _flush_bytes(self) -> None:
        if self._bytes:
            encoding = self._fonts.get(self._groups[-1].font, self._encoding)
            text = self._bytes.decode(encoding, "replace")
            self._bytes.clear()
            self._say(text)

    def _flush_unicode(self) -> None:
        if self._unicode:
            text = struct.pack(f"<{len(self._unicode)}H", *self._unicode).decode("utf-16-le", "replace")
            self._unicode.clear()
            self._say(text)

    def _attach(self, destination: str) -> None:
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", self._data)
        data = bytes(self._binary) or bytes.fromhex(digits[: len(digits) // 2 * 2].decode())
        self._data.clear()
        self._binary.clear()
        if destination == "objdata":
            data = _native(data)
        if data:
            self._counts[destination] += 1
            number = self._counts[destination]
            if destination == "pict":
                self._gathering.attach(f"image{number}.{self._suffix}", [data])
            else:
                attach_object(data, f"object{number}", self._gathering)


def _native(data: bytes) -> bytes:
    """What an embedded object is made of ([MS-OLEDS], section 2.2.5); empty if it is only a link."""
    try:
        _, kind = struct.unpack_from("<II", data)
        at = 8
        for _ in range(3):
            at += 4 + struct.unpack_from("<I", data, at)[0]
        (length,) = struct.unpack_from("<I", data, at)
    except struct.error:
        return b""
    return data[at + 4 : at + 4 + length] if kind == 2 else b""
