"""Excel documents since 2007 (ECMA-376, part 1, section 18): cell by cell, so that no sheet is too long.

Cells stand in rows of lines with tabs between them; numbers with as many digits as Excel keeps, dates as in
ISO 8601, and of formulas what they last came to.
"""

import re
import zipfile
from datetime import datetime, timedelta

from kade.core.extraction import RemarkKind
from kade.search.extract.formats import archive, ooxml
from kade.search.extract.formats.xml import Lines, local
from kade.search.extract.gathering import Gathering, Part, Unreadable

# Built-in number formats that are dates or times (section 18.8.30).
_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0, in no time zone
_LAST_DAY = 2_958_466
_NOTES = ("comments", "threadedComment", "drawing", "diagramData", "chart")


def read(part: Part, gathering: Gathering) -> None:
    """Say the names of all sheets and their cells; then comments and text boxes, and what is embedded."""
    with archive.opened(part.stream) as package:
        ooxml.describe(package, gathering)
        types = ooxml.content_types(package, gathering)
        strings, styles = _Strings(), _Styles()
        for name, kind in types.items():
            if kind.endswith(".sharedStrings+xml"):
                ooxml.parse_part(package, name, strings, gathering)
            elif kind.endswith(".styles+xml"):
                ooxml.parse_part(package, name, styles, gathering)
        titles = _titles(package, types, gathering)
        for name in ooxml.named(types, "worksheet"):
            gathering.say(f"{titles.get(name, '')}\n")
            ooxml.say_part(package, name, gathering, _Sheet(gathering, strings.all, styles.dates))
        for ending in _NOTES:
            for name in ooxml.named(types, ending):
                ooxml.say_part(package, name, gathering)
        ooxml.attach_files(package, gathering)


def _titles(package: zipfile.ZipFile, types: dict[str, str], gathering: Gathering) -> dict[str, str]:
    """What people call each sheet, by its part."""
    book = next((name for name, kind in types.items() if kind.endswith(".main+xml")), "")
    folder, _, file = book.rpartition("/")
    names, targets = _Rows("sheet"), _Rows("Relationship")
    try:
        ooxml.parse_part(package, book, names, gathering)
        ooxml.parse_part(package, f"{folder}/_rels/{file}.rels", targets, gathering)
    except Unreadable:
        gathering.remark(RemarkKind.DAMAGED, book)
    parts = {row.get("Id"): row.get("Target", "") for row in targets.rows}
    found = {}
    for row in names.rows:
        target = parts.get(row.get("id"), "")
        found[target.lstrip("/") if target.startswith("/") else f"{folder}/{target}"] = row.get("name", "")
    return found


class _Rows:
    """The attributes of each element of one name."""

    def __init__(self, name: str) -> None:
        self.rows: list[dict[str, str]] = []
        self._name = name

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == self._name:
            self.rows.append({local(key): value for key, value in attributes.items()})

    def data(self, text: str) -> None: ...
    def end(self, tag: str) -> None: ...


class _Strings:
    """The texts that cells share."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._runs: list[str] = []
        self._in_text = False
        self._phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "rPh":
            self._phonetic = True
        self._in_text = name == "t" and not self._phonetic

    def data(self, text: str) -> None:
        if self._in_text:
            self._runs.append(text)

    def end(self, tag: str) -> None:
        name = local(tag)
        self._in_text = False
        if name == "rPh":
            self._phonetic = False
        elif name == "si":
            self.all.append("".join(self._runs))
            self._runs.clear()


class _Styles:
    """Which styles of cells make a date of a number."""

    def __init__(self) -> None:
        self.dates: set[int] = set()
        self._own: set[int] = set()
        self._in_cells = False
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "numFmt":
            plain = _FORMAT.sub("", attributes.get("formatCode", "")).lower()
            if any(letter in plain for letter in "ymdhs"):
                self._own.add(_number(attributes.get("numFmtId")))
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            number = _number(attributes.get("numFmtId"))
            if number in _DATES or number in self._own:
                self.dates.add(self._count)
            self._count += 1

    def data(self, text: str) -> None: ...

    def end(self, tag: str) -> None:
        if local(tag) == "cellXfs":
            self._in_cells = False


class _Sheet:
    """Says cells."""

    def __init__(self, gathering: Gathering, strings: list[str], dates: set[int]) -> None:
        self._lines = Lines(gathering)
        self._strings = strings
        self._dates = dates
        self._kind = ""
        self._style = 0
        self._value: list[str] = []
        self._in_value = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "c":
            self._kind = attributes.get("t", "n")
            self._style = _number(attributes.get("s"))
            self._value.clear()
        self._in_value = name in ("v", "t")

    def data(self, text: str) -> None:
        if self._in_value:
            self._value.append(text)

    def end(self, tag: str) -> None:
        name = local(tag)
        self._in_value = False
        if name == "c" and self._value:
            self._lines.text(self._shown("".join(self._value)))
            self._lines.gap("\t")
        elif name == "row":
            self._lines.gap("\n")

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            number = _number(value)
            return self._strings[number] if number < len(self._strings) else ""
        if self._kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if self._kind != "n":
            return value
        return shown_number(value, is_date=self._style in self._dates)


def shown_number(value: str, *, is_date: bool) -> str:
    """A number with 15 digits at most; the day, and the time if it has one, of a date."""
    try:
        number = float(value)
    except ValueError:
        return value
    if not is_date or not 0 <= number < _LAST_DAY:
        return f"{number:.15g}"
    moment = _EPOCH + timedelta(seconds=round(number * 86_400))
    if number < 1:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(" 00:00:00")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() and len(text) < 10 else 0
