"""Plain text in whatever encoding: which one it is, and its characters.

A byte order mark tells, and so does being valid UTF-8. For the rest, each encoding that Western and Eastern
European programs wrote by default is tried on what is not ASCII, and the one under which that looks most like
words wins: small accented letters within words are likely, symbols within words and capitals after small
letters are not. That is sound on a few words, where statistics of whole languages are not.
"""

import codecs
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

HEAD = 8192  # so many bytes tell; a shorter head is a whole text, and does not end within a character
_PIECE = 1 << 16
_SAMPLE = 20_000  # bytes that are judged

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# In order of preference, should two fit equally well.
_CANDIDATES = (
    "cp1252",
    "iso8859-15",
    "cp850",
    "mac-roman",
    "cp1250",
    "cp1251",
    "koi8-r",
    "cp866",
    "cp1253",
    "cp1254",
)
# Letters of Western European languages: those that Dutch, French and German write daily, and the others.
_COMMON = frozenset("éëèêïöüáóäàçß")
_LIKELY = frozenset("íîòôúùûâåãñøæœÿý")
_QUOTES = frozenset("’‘“”„«»…–—•€£°§®©™²³½¼¾±·´¨¹º¡¿×µ")
_NO_TEXT = re.compile(
    rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]"
)  # DOS ends texts with 1A, ISO 2022 shifts with 1B
_CONTEXT = re.compile(rb"[\x00-\x7f]?[\x80-\xff]+[\x00-\x7f]?")


def detect(head: bytes) -> str | None:
    """The encoding of a text that begins with *head*, or None: it is no text."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding if _decodes(head, encoding) else None
    if b"\0" in head:
        return _wide(head)
    if _NO_TEXT.search(head) and len(_NO_TEXT.findall(head)) > len(head) // 500:
        return None
    return _narrow(head)


def pieces(stream: BinaryIO, encoding: str = "") -> Iterator[str]:
    """The text in *stream* from where it stands, in pieces, with newlines as they should be.

    An *encoding* that is not known, or that does not fit, counts as not given. What cannot be decoded becomes
    U+FFFD.
    """
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    decoder: codecs.IncrementalDecoder | None = None
    while piece := stream.read(_PIECE):
        if decoder is None:
            # Where all is ASCII so far, nothing tells yet.
            if piece.isascii() and not encoding and b"\0" not in piece:
                yield newlines.decode(piece.decode("ascii"))
                continue
            decoder = codecs.getincrementaldecoder(_chosen(piece, encoding))("replace")
        yield newlines.decode(decoder.decode(piece))
    yield newlines.decode(decoder.decode(b"", True) if decoder else "", True)


def known(encoding: str) -> str:
    """How Python calls *encoding*, as messages and pages name it; empty if it knows none of that name."""
    name = encoding.strip().strip("\"'").lower()
    try:
        codec = codecs.lookup(_ALIASES.get(name, name))
        "".encode(codec.name)
    except (LookupError, ValueError, UnicodeError):
        return ""
    return _ALIASES.get(codec.name, codec.name)


# Who says ASCII or Latin 1 means Windows 1252 (the WHATWG's encoding standard, section 4.2).
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso8859-1": "cp1252",
    "x-mac-roman": "mac-roman",
    "unicode": "utf-16",
    "ks_c_5601-1987": "cp949",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "binary": "cp1252",
}


def _chosen(head: bytes, said: str) -> str:
    found = detect(head)
    name = known(said) if said else ""
    if not name or any(head.startswith(mark) for mark, _ in _MARKS):
        return found or "cp1252"
    if found == "utf-8" and not head.isascii() and not name.startswith("utf"):
        return found  # no other encoding makes sound UTF-8 by accident
    return name if _decodes(head, name) else found or name


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(head, len(head) < HEAD)
    except UnicodeError:
        return False
    return True


def _wide(head: bytes) -> str | None:
    """UTF-16 (or 32) without a mark: the order of bytes under which all of it is text."""
    sample = head[: _SAMPLE // 4 * 4]
    found = [(share, encoding) for encoding in _WIDE if (share := _share_of_text(sample, encoding)) > 0.9]
    return max(found)[1] if found else None


_PUNCTUATION = frozenset(".,;:'\"()-/!?@&%+=_<>*#{}[]€|\\$’‘“”–")
_WIDE = ("utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le")


def _share_of_text(sample: bytes, encoding: str) -> float:
    """How much of it would be letters, digits, marks and spaces of one or two scripts; 0: it cannot be."""
    whole = sample[: len(sample) // 4 * 4] if "32" in encoding else sample[: len(sample) // 2 * 2]
    if not whole or not _decodes(whole, encoding):
        return 0.0
    text = whole.decode(encoding, "ignore")
    plain = sum(
        char.isalnum() or char.isspace() or char in ".,;:'\"()-/!?@&%+=_<>*#{}[]€|\\$" for char in text
    )
    blocks = len({ord(char) >> 8 for char in text})
    return plain / len(text) if text and blocks <= 4 + len(text) // 20 and _has_ascii(text) else 0.0


def _has_ascii(text: str) -> bool:
    return any(char.isascii() and char.isprintable() for char in text)


def _narrow(head: bytes) -> str:
    if _decodes(head, "utf-8"):
        return "utf-8"
    contexts = Counter(_CONTEXT.findall(head[:_SAMPLE]))
    scores = {
        encoding: sum(times * _likeness(context, encoding) for context, times in contexts.items())
        for encoding in _CANDIDATES
    }
    return max(_CANDIDATES, key=lambda encoding: scores[encoding])


def _likeness(context: bytes, encoding: str) -> float:
    """How much *context*, what is not ASCII with a neighbour on each side, looks like part of a text."""
    text = context.decode(encoding, "replace")
    padded = f" {text} "
    return sum(
        _fits(padded[at - 1], char, padded[at + 1]) for at, char in enumerate(padded) if not char.isascii()
    )


def _fits(before: str, char: str, after: str) -> float:
    kind = unicodedata.category(char)
    if char == "\ufffd" or kind in ("Cc", "Cn", "Co"):
        return -10
    if kind in ("Ll", "Lu", "Lo"):
        return _letter_fits(before, char, after)
    within = before.isalpha() and after.isalpha()
    if char == "’":
        return 1
    if char in _QUOTES or char == "\xa0":
        return -3 if within else 1
    return -3 if within else -1


def _letter_fits(before: str, char: str, after: str) -> float:
    foreign = not unicodedata.name(char, "").startswith("LATIN")
    alone = not (before.isalpha() or after.isalpha())
    if foreign:
        # One letter of another script among Latin ones is a mistake; a word of them is a word.
        if (before.isalpha() and before.isascii()) or (after.isalpha() and after.isascii()) or alone:
            return -3
        return 1.5 if char.islower() or not before.islower() else -2
    if char.isupper() and (before.islower() or (after.islower() and before.isalpha())):
        return -3
    if alone:
        return 0.5 if char in "àéèê" else -1
    small = char.lower()
    score = 2.0 if small in _COMMON else 1.6 if small in _LIKELY else 0.5
    crowd = (before.isalpha() and not before.isascii()) + (after.isalpha() and not after.isascii())
    return score - 1.5 * crowd
