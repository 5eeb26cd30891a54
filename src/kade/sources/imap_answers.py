"""What an IMAP server answers (RFC 9051), understood: values, messages, folders and their names."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Union

Value = Union[bytes, None, list["Value"]]  # noqa: UP007 - it names itself
Part = bytes | tuple[bytes, bytes]
"""A line, or a line that ends in the size of a literal, and the literal: what ``imaplib`` hands over."""

# The brackets of a section may hold blanks and parentheses: BODY[HEADER.FIELDS (SUBJECT)]<0>.
_TOKEN = re.compile(
    rb'\s*(?:(?P<bracket>[()])|"(?P<quoted>(?:[^"\\]|\\.)*)"|'
    rb"(?P<atom>BODY\[[^\]]*\](?:<\d+>)?|[^\s()\"]+))",
    re.IGNORECASE,
)
_SIZE_OF_LITERAL = re.compile(rb"\{\d+\}$")
_ESCAPED = re.compile(rb"\\(.)")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")


class Folder(NamedTuple):
    """A folder of a mailbox: its name as the server spells it, the names on the way to it, its attributes in
    lower case."""

    raw: bytes
    path: tuple[str, ...]
    attributes: frozenset[bytes]


class Summary(NamedTuple):
    """What is asked of a message: numbers, flags, and the beginnings of three header fields, as they came."""

    uid: int
    size: int
    deleted: bool
    internal_date: bytes
    subject: bytes
    date: bytes
    message_id: bytes


def folders(answer: Sequence[Part | None]) -> Iterator[Folder]:
    """The folders in an answer to LIST (7.3.1); names with control characters are no use and left out."""
    for attributes, delimiter, name in _listed(answer):
        if not isinstance(name, bytes) or _has_controls(name):
            continue
        between = decoded(delimiter) if isinstance(delimiter, bytes) else ""
        shown = decoded(name)
        path = [part for part in shown.split(between) if part] if between else [shown]
        if not path:
            continue
        if path[0].upper() == "INBOX":
            path[0] = "INBOX"  # 5.1: in any case
        flags = frozenset(flag.lower() for flag in attributes if isinstance(flag, bytes))
        yield Folder(name, tuple(path), flags)


def summaries(answer: Sequence[Part | None]) -> Iterator[Summary]:
    """The messages in an answer to FETCH (7.5.2); those of which only flags are told are left out."""
    for told in fetched(answer):
        flags = told.get(b"FLAGS")
        uid, size = _number(told.get(b"UID")), _number(told.get(b"RFC822.SIZE"))
        if uid is None or size is None or not isinstance(flags, list):
            continue
        yield Summary(
            uid,
            size,
            any(isinstance(flag, bytes) and flag.lower() == b"\\deleted" for flag in flags),
            _text(told.get(b"INTERNALDATE")),
            *(_field(told, name) for name in (b"SUBJECT", b"DATE", b"MESSAGE-ID")),
        )


def fetched(answer: Sequence[Part | None]) -> Iterator[dict[bytes, Value]]:
    """What is told of each message, by the item's name in upper case."""
    for told in _values(answer):
        if isinstance(told, list):  # before each stands the message's place in the folder
            pairs = zip(told[::2], told[1::2], strict=False)
            yield {name.upper(): value for name, value in pairs if isinstance(name, bytes)}


def decoded(name: bytes) -> str:
    """A folder's name out of modified UTF-7 (RFC 3501, 5.1.3); what is none of it stays as it is."""
    return _SHIFTED.sub(_unshifted, name.decode("utf-8", "replace"))


def _unshifted(found: re.Match[str]) -> str:
    inner = found[1].replace(",", "/")
    try:
        # Without "replace": a lone half of a pair is no text.
        return base64.b64decode(inner + "=" * (-len(inner) % 4)).decode("utf-16-be") if inner else "&"
    except (binascii.Error, UnicodeDecodeError):
        return found[0]


def _values(answer: Sequence[Part | None]) -> Iterator[Value]:
    """The values of each response, one after the other; what is open at a response's end is left out."""
    open_lists: list[list[Value]] = []
    for part in answer:
        for found in _tokens(part):
            if found == "(":
                open_lists.append([])
                continue
            if found == ")" and not open_lists:
                continue
            value: Value = open_lists.pop() if found == ")" else found if isinstance(found, bytes) else None
            if open_lists:
                open_lists[-1].append(value)
            else:
                yield value
        if not isinstance(part, tuple):
            open_lists.clear()  # only a literal is gone on after


def _tokens(part: Part | None) -> Iterator[bytes | str | None]:
    """Brackets as text, values as bytes, NIL as None."""
    line, literal = part if isinstance(part, tuple) else (part or b"", None)
    for found in _TOKEN.finditer(_SIZE_OF_LITERAL.sub(b"", line) if literal is not None else line):
        if found["bracket"]:
            yield found["bracket"].decode()
        elif found["quoted"] is not None:
            yield _ESCAPED.sub(rb"\1", found["quoted"])
        else:
            yield None if found["atom"].upper() == b"NIL" else found["atom"]
    if literal is not None:
        yield literal


def _listed(answer: Sequence[Part | None]) -> Iterator[tuple[list[Value], Value, Value]]:
    """Three values each, of which the first is a list."""
    listed: list[Value] = []
    for value in _values(answer):
        listed = [value] if isinstance(value, list) else [*listed, value]
        if len(listed) == 3 and isinstance(listed[0], list):
            yield listed[0], listed[1], listed[2]


def _field(told: dict[bytes, Value], name: bytes) -> bytes:
    """The header field's text, unfolded, without its name."""
    for key, value in told.items():
        # Servers repeat the name in their own spelling, quoted or not.
        if key.startswith(b"BODY[HEADER.FIELDS") and name in key.replace(b'"', b"").upper():
            _, _, text = _text(value).partition(b":")
            return b" ".join(text.split())
    return b""


def _text(value: Value | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _number(value: Value | None) -> int | None:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 20 else None


def _has_controls(name: bytes) -> bool:
    return any(byte < 32 or byte == 127 for byte in name)
