"""Word and PowerPoint documents since 2007 (ECMA-376), and what they share with Excel's.

Such a document is a ZIP of parts, mostly XML. Which part is what stands in ``[Content_Types].xml``.
"""

import re
import zipfile
from datetime import UTC, datetime

from kade.core.clock import Millis, from_datetime
from kade.core.extraction import RemarkKind
from kade.search.extract import kinds
from kade.search.extract.formats import archive
from kade.search.extract.formats.xml import Lines, Target, local, parse
from kade.search.extract.gathering import Gathering, Part, Unreadable
from kade.search.extract.streams import unpacking

# Parts whose text is read, in this order, by the end of their content type.
_WORD = (
    *("header", "document.main", "macroEnabled.main", "macroEnabledTemplate.main", "template.main"),
    *("footnotes", "endnotes", "comments", "footer", "diagramData", "chart"),
)
_POWERPOINT = ("slide", "notesSlide", "comments", "diagramData", "chart")
_FILES = re.compile(r"(?:^|/)(?:media|embeddings)/[^/]+$")
_SKIPPED = frozenset(
    {"Fallback", "delText", "instrText", "delInstrText", "fldChar", "rPr", "pPr", "sectPr", "tblPr"}
)
_NUMBERS = re.compile(r"\d+")


def read(part: Part, gathering: Gathering) -> None:
    """Say all text of the document, headers, notes and comments too, and what is embedded."""
    order = _WORD if part.media_type == kinds.DOCX else _POWERPOINT
    with archive.opened(part.stream) as package:
        describe(package, gathering)
        types = content_types(package, gathering)
        for ending in order:
            for name in named(types, ending):
                say_part(package, name, gathering)
        attach_files(package, gathering)


def named(types: dict[str, str], ending: str) -> list[str]:
    """The parts whose type has that *ending*, in the order of the numbers in their names."""
    found = [name for name, kind in types.items() if kind.endswith((f".{ending}+xml", f"/{ending}+xml"))]
    return sorted(found, key=lambda name: [int(digits) for digits in _NUMBERS.findall(name)])


def content_types(package: zipfile.ZipFile, gathering: Gathering) -> dict[str, str]:
    """What each part is, by its name."""
    types = _Types()
    parse_part(package, "[Content_Types].xml", types, gathering)
    named = {name: types.by_suffix.get(name.rpartition(".")[2].lower(), "") for name in package.namelist()}
    return named | {name: kind for name, kind in types.by_name.items() if name in named}


def describe(package: zipfile.ZipFile, gathering: Gathering) -> None:
    """Title, author and time from the core properties (part 2, section 11)."""
    about = Properties()
    if "docProps/core.xml" in package.namelist():
        try:
            parse_part(package, "docProps/core.xml", about, gathering)
        except Unreadable:
            gathering.remark(RemarkKind.DAMAGED, "docProps/core.xml")
    gathering.describe(
        title=about.said("title"), author=about.said("creator"), modified_at=moment(about.said("modified"))
    )


def say_part(package: zipfile.ZipFile, name: str, gathering: Gathering, target: Target | None = None) -> None:
    """Say the text of one part, by *target*; a damaged one is remarked, and said as far as it goes."""
    try:
        parse_part(package, name, target or _Text(gathering), gathering)
    except Unreadable as error:
        gathering.remark(error.kind, name)
    gathering.say("\n")


def parse_part(package: zipfile.ZipFile, name: str, target: Target, gathering: Gathering) -> None:
    """Tell *target* (see ``xml.Target``) what is in a part.

    Raises:
        Unreadable: it is damaged, or not there.
    """
    try:
        info = package.getinfo(name)
    except KeyError:
        raise Unreadable(RemarkKind.DAMAGED) from None
    parse(unpacking(archive.pieces(package, info), gathering), target)


def attach_files(package: zipfile.ZipFile, gathering: Gathering) -> None:
    """Attach pictures and whatever else is embedded."""
    for info in package.infolist():
        if _FILES.search(info.filename):
            name = info.filename.rpartition("/")[2]
            gathering.attach(name, archive.pieces(package, info), created_at=archive.written_at(info))


def moment(text: str) -> Millis | None:
    """A W3CDTF time, UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text.strip())
        return from_datetime(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


class Properties:
    """The text of each element, by local name; the first of each."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._open: list[list[str]] = []

    def said(self, name: str) -> str:
        return "".join(self._texts.get(name, ()))

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        mine: list[str] = []
        self._open.append(self._texts.setdefault(local(tag), mine))
        if self._open[-1] is not mine:
            self._open[-1] = []  # a second one of that name

    def data(self, text: str) -> None:
        self._open[-1].append(text)

    def end(self, tag: str) -> None:
        self._open.pop()


class _Types:
    def __init__(self) -> None:
        self.by_name: dict[str, str] = {}
        self.by_suffix: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        kind = attributes.get("ContentType", "")
        if local(tag) == "Override":
            self.by_name[attributes.get("PartName", "").lstrip("/")] = kind
        elif local(tag) == "Default":
            self.by_suffix[attributes.get("Extension", "").lower()] = kind

    def data(self, text: str) -> None: ...
    def end(self, tag: str) -> None: ...


class _Text:
    """Says the runs of text (``w:t``, ``a:t``) and what is between them."""

    _ENDS = {"p": "\n", "tc": "\t", "tr": "\n"}
    _CHARACTERS = {"br": "\n", "cr": "\n", "noBreakHyphen": "-"}

    def __init__(self, gathering: Gathering) -> None:
        self._lines = Lines(gathering)
        self._skipping = 0
        self._in_text = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if self._skipping or name in _SKIPPED:
            self._skipping += 1
        elif name == "t" or name == "text":
            self._in_text = True
        elif name == "tab":  # among the properties of a paragraph, which are skipped, it is a tab stop
            self._lines.text("\t")
        elif name in self._CHARACTERS:
            self._lines.text(self._CHARACTERS[name])
        elif name == "fld" and attributes.get("type") == "slidenum":
            self._skipping += 1

    def data(self, text: str) -> None:
        if self._in_text and not self._skipping:
            self._lines.text(text)

    def end(self, tag: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        self._in_text = False
        gap = self._ENDS.get(local(tag))
        if gap:
            self._lines.gap(gap)
