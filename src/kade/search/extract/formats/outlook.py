"""Outlook messages ([MS-OXMSG]): properties, and a storage below them for each recipient and attachment."""

import email
import io
import struct
from collections.abc import Iterator

from kade.core.extraction import RemarkKind
from kade.search.extract import compound_writing, kinds, rtf_packed
from kade.search.extract.compound import Compound, Entry
from kade.search.extract.formats import rtf
from kade.search.extract.formats.html import say_page
from kade.search.extract.formats.mail import header
from kade.search.extract.gathering import Gathering, Part, Unreadable
from kade.search.extract.messages import Heading, Person, tell
from kade.search.extract.summary import codepage_name, from_filetime

# Properties ([MS-OXPROPS]).
_SUBJECT, _SENT_AT, _RECEIVED_AT, _MESSAGE_ID, _HEADERS = 0x0037, 0x0039, 0x0E06, 0x1035, 0x007D
_SENDER, _SENDER_SMTP, _SENDER_ADDRESS = (0x0042, 0x0C1A), (0x5D02, 0x5D01), (0x0065, 0x0C1F)
_BODY, _RTF, _HTML, _CODEPAGES = 0x1000, 0x1009, 0x1013, (0x3FFD, 0x3FDE)
_NAME, _ADDRESS, _SMTP, _ROLE = 0x3001, 0x3003, 0x39FE, 0x0C15
_FILE, _LONG_FILE, _SHORT_FILE, _TYPE, _CREATED, _CHANGED = 0x3701, 0x3707, 0x3704, 0x370E, 0x3007, 0x3008
_TEXT, _WIDE_TEXT, _BINARY, _OBJECT = 0x001E, 0x001F, 0x0102, 0x000D
_TO, _CC, _BCC = 1, 2, 3
_WITHOUT_HEAD = 8  # bytes of the properties' head that a message within another does not have

_PROPERTIES = "__properties_version1.0"
_OF_MESSAGE, _OF_INNER_MESSAGE, _OF_REST = 32, 24, 8  # bytes before the properties of a storage


class _Bag:
    """The properties of one storage; *head* bytes go before its fixed ones."""

    def __init__(self, container: Compound, storage: Entry, head: int, encoding: str = "") -> None:
        self._container = container
        self._storage = storage
        data = container.read(storage.find(_PROPERTIES))
        rows = data[head : head + (len(data) - head) // 16 * 16]
        self._fixed = {tag >> 16: value for tag, _, value in struct.iter_unpack("<II8s", rows)}
        codepages = filter(None, map(self.number, _CODEPAGES))
        self.encoding = encoding or codepage_name(next(codepages, 1252))

    def number(self, prop: int) -> int:
        return int.from_bytes(self._fixed.get(prop, b"")[:4], "little")

    def time(self, prop: int) -> int:
        return int.from_bytes(self._fixed.get(prop, b""), "little")

    def text(self, *props: int) -> str:
        """The first of them that says something."""
        for prop in props:
            for kind, encoding in ((_WIDE_TEXT, "utf-16-le"), (_TEXT, self.encoding)):
                data = self._container.read(self.entry(prop, kind))
                if data:
                    return data.decode(encoding, "replace").rstrip("\0")
        return ""

    def data(self, prop: int) -> bytes:
        return self._container.read(self.entry(prop, _BINARY))

    def entry(self, prop: int, kind: int) -> Entry | None:
        return self._storage.find(f"__substg1.0_{prop:04X}{kind:04X}")


def read(part: Part, gathering: Gathering) -> None:
    """Say who wrote what to whom, and what is attached."""
    try:
        container = Compound(part.stream)
        storage = container.root
        bag = _Bag(container, storage, _OF_MESSAGE)
        heading = _heading(container, storage, bag)
        tell(heading, gathering)
        _say_body(bag, gathering)
        for entry in _below(storage, "__attach_version1.0_"):
            _attach(container, entry, bag, heading, gathering)
    except (ValueError, struct.error):
        raise Unreadable(RemarkKind.DAMAGED) from None


def _heading(container: Compound, storage: Entry, bag: _Bag) -> Heading:
    people: dict[int, list[Person]] = {_TO: [], _CC: [], _BCC: []}
    for entry in _below(storage, "__recip_version1.0_"):
        person = _Bag(container, entry, _OF_REST, bag.encoding)
        told = Person(person.text(_NAME), person.text(_SMTP, _ADDRESS))
        people.setdefault(person.number(_ROLE), []).append(told)
    headers = email.message_from_string(bag.text(_HEADERS))
    return Heading(
        message_id=bag.text(_MESSAGE_ID) or header(headers, "Message-ID"),
        subject=bag.text(_SUBJECT),
        sender=Person(bag.text(*_SENDER), bag.text(*_SENDER_SMTP, *_SENDER_ADDRESS)),
        to=people[_TO],
        cc=people[_CC],
        bcc=people[_BCC],
        sent_at=from_filetime(bag.time(_SENT_AT)) or from_filetime(bag.time(_RECEIVED_AT)),
    )


def _say_body(bag: _Bag, gathering: Gathering) -> None:
    """Plain text if there is some, else the page, else what was formatted."""
    if text := bag.text(_BODY):
        gathering.say(text.replace("\r\n", "\n"))
    elif page := bag.data(_HTML) or bag.text(_HTML).encode():
        say_page(io.BytesIO(page), "" if bag.data(_HTML) else "utf-8", gathering)
    elif packed := bag.data(_RTF):
        data = rtf_packed.unpack(packed, gathering.limits.whole)
        gathering.expand(len(data))
        rtf.say(data, gathering)
    gathering.say("\n")


def _attach(container: Compound, entry: Entry, bag: _Bag, heading: Heading, gathering: Gathering) -> None:
    about = _Bag(container, entry, _OF_REST, bag.encoding)
    created_at = from_filetime(about.time(_CREATED)) or from_filetime(about.time(_CHANGED)) or heading.sent_at
    name = about.text(_LONG_FILE, _SHORT_FILE, _NAME) or "attachment"
    inner = about.entry(_FILE, _OBJECT)
    if inner is None or not inner.is_storage:
        gathering.say(f"{name}\n")
        file = about.entry(_FILE, _BINARY)
        pieces = container.pieces(file) if file is not None else iter(())
        gathering.attach(name, _sound(pieces), about.text(_TYPE), created_at)
        return
    root = compound_writing.copy(container, inner)
    is_message = inner.find(_PROPERTIES) is not None
    if is_message:
        _complete(root)
        name = name.removesuffix(".msg") + ".msg"
    gathering.say(f"{name}\n")
    gathering.attach(name, [compound_writing.write(root)], kinds.MSG if is_message else "", created_at)


def _complete(root: compound_writing.Node) -> None:
    """A message that was within another gets the longer head of one that is not (section 2.4.1.1)."""
    for child in root.children:
        if child.name == _PROPERTIES and child.data is not None:
            child.data = (
                child.data[:_OF_INNER_MESSAGE] + bytes(_WITHOUT_HEAD) + child.data[_OF_INNER_MESSAGE:]
            )


def _sound(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except ValueError:
        raise Unreadable(RemarkKind.DAMAGED) from None


def _below(storage: Entry, start: str) -> list[Entry]:
    return [entry for entry in storage.children if entry.is_storage and entry.name.startswith(start)]
