"""Messages as files: what they are called, when they were written, and by what they are known again."""

import binascii
import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from kade.core import names
from kade.core.clock import Millis, from_datetime
from kade.core.errors import KadeError, SourceReason
from kade.sources.imap_answers import Summary

_LONGEST = 180  # bytes of a subject in a name, so that the whole is one that any file system takes
_NO_SUBJECT = "(no subject)"
_ENCODED_WORD = re.compile(rb"=\?([^?\s]+)\?([bBqQ])\?([^?]*)\?=")
_SLASHES = re.compile(r"[/\\]+")
_DASHED_DATE = re.compile(r"^\s*(\d{1,2})-(\w{3})-(\d{4}) ")


def name(summary: Summary) -> str:
    """``Re: Figures - 1732197220.eml``: the subject and the time of its date, in seconds."""
    moment = written_at(summary)
    seconds = (moment or 0) // 1000
    return f"{fit(_decoded(summary.subject)) or _NO_SUBJECT} - {seconds}.eml"


def written_at(summary: Summary) -> Millis | None:
    """The time of the Date field; when that is missing or no date, the time at which the message came in."""
    found = _date(summary.date.decode("latin-1"))
    if found is None:
        found = _date(_DASHED_DATE.sub(r"\1 \2 \3 ", summary.internal_date.decode("latin-1")))
    return found


def identity(summary: Summary) -> str:
    """The same for one message, wherever it is moved to.

    It is of the Message-ID, the size, the date and the subject; a message without an id is known by the time
    at which it came in as well, which servers keep when they move it.
    """
    told = [summary.message_id or summary.internal_date, summary.date, summary.subject]
    digest = hashlib.sha256(str(summary.size).encode())
    for part in told:
        digest.update(b"\n" + part)
    return digest.hexdigest()[:40]


def fit(text: str) -> str:
    """*text* as a name: in one line, without slashes, cut; empty when nothing is left."""
    text = unicodedata.normalize("NFC", _SLASHES.sub("-", text))
    text = " ".join("".join(char if fits(char) else " " for char in text).split())
    return text.encode()[:_LONGEST].decode("utf-8", "ignore").strip()


def fits(char: str) -> bool:
    """Whether a name may have it."""
    if char.isalnum():  # most are; the rest is judged where all names are
        return True
    try:
        names.clean(f"x{char}", SourceReason.BAD_NAME)
    except KadeError:
        return False
    return True


def _decoded(raw: bytes) -> str:
    """Encoded words (RFC 2047) and raw bytes as text."""
    text, end = "", 0
    held, charset = b"", ""  # neighbours may share a letter of several bytes
    for found in _ENCODED_WORD.finditer(raw):
        between, end_before, end = raw[end : found.start()], end, found.end()
        told = found[1].decode("ascii", "replace").partition("*")[0].lower()
        if told != charset or between.strip() or not end_before:
            text += _charset(held, charset) + ("" if held and not between.strip() else _charset(between, ""))
            held, charset = b"", told
        held += _unwrapped(found[2], found[3])
    return text + _charset(held, charset) + _charset(raw[end:], "")


def _unwrapped(kind: bytes, inner: bytes) -> bytes:
    if kind in b"qQ":
        return binascii.a2b_qp(inner, header=True)
    try:
        return binascii.a2b_base64(inner + b"=" * (-len(inner) % 4))
    except binascii.Error:
        return inner


def _charset(raw: bytes, charset: str) -> str:
    for candidate in (charset, "utf-8", "cp1252"):
        try:
            return raw.decode(candidate)
        except (LookupError, ValueError):
            continue
    return raw.decode("ascii", "replace")


def _date(text: str) -> Millis | None:
    """A date of RFC 5322 that is one, not before 1970."""
    try:
        found = parsedate_to_datetime(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        if found < datetime(1970, 1, 1, tzinfo=UTC):
            return None
        return from_datetime(found)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
