"""E-mail (RFC 5322, MIME), with whatever its senders made of these.

The standard library parses it with the *compat32* policy: the newer one parses headers by the grammar, which
takes quadratic time on long ones and fails on broken ones. Addresses and encoded words (RFC 2047) are decoded
here, leniently.
"""

import email.message
import email.utils
import io
import mimetypes
from collections.abc import Iterator
from datetime import UTC
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.parser import BytesParser

from kade.core.clock import Millis, from_datetime
from kade.core.extraction import RemarkKind
from kade.search.extract import decoding, kinds
from kade.search.extract.formats.html import say_page
from kade.search.extract.gathering import Gathering, Part, Unreadable
from kade.search.extract.messages import Heading, Person, tell

Message = email.message.Message

_HEADER = 200_000  # characters of one header that are looked at
_AS_SENT = policy.compat32.clone(linesep="\r\n", max_line_length=0)
_BODIES = frozenset({"text/plain", "text/html"})


def read(part: Part, gathering: Gathering) -> None:
    """Say who wrote what to whom, and what is attached."""
    if part.stream.seek(0, io.SEEK_END) > gathering.limits.whole:
        raise Unreadable(RemarkKind.TOO_LARGE)
    part.stream.seek(0)
    message = BytesParser(policy=policy.compat32).parse(part.stream)
    heading = Heading(
        message_id=header(message, "Message-ID"),
        subject=header(message, "Subject"),
        sender=next(iter(_people(message, "From") or _people(message, "Sender")), Person("", "")),
        to=_people(message, "To"),
        cc=_people(message, "Cc"),
        bcc=_people(message, "Bcc"),
        sent_at=_moment(header(message, "Date")),
    )
    tell(heading, gathering)
    _walk(message, gathering, heading.sent_at, html=True)


def _walk(message: Message, gathering: Gathering, sent_at: Millis | None, *, html: bool) -> None:
    """Say what the parts say; HTML only where *html*."""
    gathering.count()
    kind = message.get_content_type()
    if kind == "message/rfc822" or not message.is_multipart():
        if _is_body(message, kind):
            if html or kind != kinds.HTML:
                _say_body(message, kind, gathering)
        else:
            _attach(message, kind, gathering, sent_at)
        return
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    if kind == "multipart/alternative":  # the same in several formats, RFC 2046 section 5.1.4
        html = html and not any(map(_is_plain, parts))
    for part in parts:
        _walk(part, gathering, sent_at, html=html)


def _is_body(message: Message, kind: str) -> bool:
    disposition = (message.get_content_disposition() or "").lower()
    return kind in _BODIES and disposition != "attachment" and not message.get_filename()


def _is_plain(message: Message) -> bool:
    """Whether this, or what is in it, is text that says something."""
    if message.is_multipart():
        return any(_is_plain(part) for part in message.get_payload() if isinstance(part, Message))
    return message.get_content_type() == kinds.TEXT and bool(_content(message).strip())


def _say_body(message: Message, kind: str, gathering: Gathering) -> None:
    stream, charset = io.BytesIO(_content(message)), _charset(message)
    if kind == kinds.HTML:
        say_page(stream, charset, gathering)
    else:
        for piece in decoding.pieces(stream, charset):
            gathering.say(piece)
    gathering.say("\n")


def _attach(message: Message, kind: str, gathering: Gathering, sent_at: Millis | None) -> None:
    name = _words(_filename(message))
    if not name and kind == kinds.MAIL and message.is_multipart():
        name = header(_inner(message), "Subject") or "message"
        name = f"{name.replace('/', '-')}.eml"
    if not name:
        name = "attachment" + (mimetypes.guess_extension(kind) or "")
    created_at = _moment(_parameter(message, "creation-date")) or sent_at
    gathering.say(f"{name}\n")
    gathering.attach(name, _bytes_of(message, kind), kind, created_at, _charset(message))


def _bytes_of(message: Message, kind: str) -> Iterator[bytes]:
    if kind == kinds.MAIL and message.is_multipart():
        try:
            yield _inner(message).as_bytes(policy=_AS_SENT)
        except (ValueError, LookupError, TypeError):
            raise Unreadable(RemarkKind.DAMAGED) from None
    else:
        yield _content(message)


def _inner(message: Message) -> Message:
    inner = message.get_payload(0)
    return inner if isinstance(inner, Message) else Message()


def _content(message: Message) -> bytes:
    content = message.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _charset(message: Message) -> str:
    try:
        return str(message.get_content_charset() or "")
    except (ValueError, LookupError):
        return ""


def _filename(message: Message) -> str:
    try:
        return message.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        return ""


def _parameter(message: Message, name: str) -> str:
    try:
        value = message.get_param(name, "", "content-disposition")
    except (ValueError, LookupError):
        return ""
    return value if isinstance(value, str) else ""


def header(message: Message, name: str) -> str:
    """A header in words, in one line; empty if there is none."""
    return " ".join(_words(_raw(message, name)).split())


def _raw(message: Message, name: str) -> str:
    """A header as it stands; bytes that are not ASCII as what they most likely mean."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    raw = str(raw)[:_HEADER]
    if raw.isascii():
        return raw
    data = raw.encode("ascii", "surrogateescape")
    return data.decode(decoding.detect(data) or "cp1252", "replace")


def _words(text: str) -> str:
    """*text* with encoded words decoded; one that cannot be is left as it is."""
    if "=?" not in text:
        return text
    try:
        found = decode_header(text)
    except (ValueError, HeaderParseError):
        return text
    return "".join(word if isinstance(word, str) else _decoded(word, charset) for word, charset in found)


def _decoded(word: bytes, charset: str | None) -> str:
    if charset is None:
        return word.decode("raw-unicode-escape", "replace")  # as decode_header gives what was not encoded
    encoding = decoding.known(charset) or decoding.detect(word) or "cp1252"
    return word.decode(encoding, "replace")


def _people(message: Message, name: str) -> list[Person]:
    """Whom a header names. Addresses are told apart first: an encoded name may hold a comma."""
    raw = _raw(message, name).replace("\n", " ").replace("\r", " ")
    try:
        found = email.utils.getaddresses([raw])
    except RecursionError:  # comments within comments
        return [Person(_words(raw[:1000]).strip(), "")]
    return [Person(_words(person).strip(), address) for person, address in found if person or address]


def _moment(text: str) -> Millis | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
