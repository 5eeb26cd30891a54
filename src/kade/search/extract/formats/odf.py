"""OpenDocument texts, spreadsheets and presentations (ISO 26300)."""

import re
import zipfile

from kade.core.extraction import RemarkKind
from kade.search.extract.formats import archive, ooxml
from kade.search.extract.formats.xml import Lines, Target, local
from kade.search.extract.gathering import Gathering, Part, Unreadable

_NOTICE = "{http://purl.org/dc/elements/1.1/}"  # who commented, and when
_SKIPPED = frozenset({
    "tracked-changes", "note-citation", "page-number", "automatic-styles", "styles", "binary-data",
    "font-face-decls", "settings", "scripts", "sequence-decls",
})  # fmt: skip
_CONTENT = re.compile(r"^(?:(?:Object [^/]+|[^/]+)/)?content\.xml$")
_FILES = re.compile(r"^(?:Pictures|media)/(?!TablePreview)[^/]+$|^Object [^/]+$")


def read(part: Part, gathering: Gathering) -> None:
    """Say all text, of headers, notes, comments and embedded objects too, and what else is embedded."""
    with archive.opened(part.stream) as package:
        about = ooxml.Properties()
        names = package.namelist()
        sheets = "spreadsheet" in part.media_type
        if "meta.xml" in names:
            _parse(package, "meta.xml", about, gathering)
        author = about.said("initial-creator") or about.said("creator")
        gathering.describe(
            title=about.said("title"), author=author, modified_at=ooxml.moment(about.said("date"))
        )
        if _is_locked(package, gathering):
            raise Unreadable(RemarkKind.ENCRYPTED)
        if "content.xml" not in names:
            raise Unreadable(RemarkKind.DAMAGED)
        heads = [] if sheets else ["styles.xml"]  # a sheet's head is its name and page
        for name in ["content.xml", *heads, *(n for n in names if "/" in n and _CONTENT.match(n))]:
            if name in names:
                _parse(package, name, _Text(gathering, sheets=sheets), gathering)
                gathering.say("\n")
        for info in package.infolist():
            if _FILES.match(info.filename):
                name = info.filename.rpartition("/")[2]
                gathering.attach(name, archive.pieces(package, info), created_at=archive.written_at(info))


def _is_locked(package: zipfile.ZipFile, gathering: Gathering) -> bool:
    manifest = _Manifest()
    if "META-INF/manifest.xml" in package.namelist():
        _parse(package, "META-INF/manifest.xml", manifest, gathering)
    return manifest.locked


def _parse(package: zipfile.ZipFile, name: str, target: Target, gathering: Gathering) -> None:
    try:
        ooxml.parse_part(package, name, target, gathering)
    except Unreadable as error:
        gathering.remark(error.kind, name)


class _Manifest:
    """Whether parts are encrypted (part 3, section 4.8.2)."""

    def __init__(self) -> None:
        self.locked = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.locked = self.locked or local(tag) == "encryption-data"

    def data(self, text: str) -> None: ...
    def end(self, tag: str) -> None: ...


class _Text:
    """Says what stands in paragraphs and headings, and the names of *sheets*."""

    _ENDS = {"p": "\n", "h": "\n", "table-cell": "\t", "table-row": "\n"}
    _STARTS = {"tab": "\t", "line-break": "\n", "note": " ", "annotation": " "}

    def __init__(self, gathering: Gathering, *, sheets: bool) -> None:
        self._lines = Lines(gathering)
        self._sheets = sheets
        self._skipping = 0
        self._paragraphs = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if self._skipping or name in _SKIPPED or tag.startswith(_NOTICE):
            self._skipping += 1
        elif name in ("p", "h"):
            self._paragraphs += 1
        elif name == "s":
            self._lines.text(" ")
        elif name == "table" and self._sheets:
            self._lines.text(next((v for key, v in attributes.items() if local(key) == "name"), ""))
            self._lines.gap("\n")
        elif name in self._STARTS:
            self._lines.text(self._STARTS[name])

    def data(self, text: str) -> None:
        if self._paragraphs and not self._skipping:
            self._lines.text(text)

    def end(self, tag: str) -> None:
        name = local(tag)
        if self._skipping:
            self._skipping -= 1
            return
        if name in ("p", "h"):
            self._paragraphs -= 1
        gap = self._ENDS.get(name)
        if gap:
            self._lines.gap(gap)
