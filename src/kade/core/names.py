"""Names that people give to things: one canonical form, checked in one place."""

import unicodedata

from kade.core.errors import KadeError, Reason

NAME_LIMIT = 255

_BIDI_CONTROLS = frozenset("\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def clean(name: str, reason: Reason, limit: int = NAME_LIMIT) -> str:
    """*name* in Unicode NFC, fit to be shown and to be the last part of a path.

    Raises:
        KadeError: *reason*, when the name is empty, longer than *limit* characters, ``.`` or ``..``, or
            holds a slash, a control character, a lone surrogate or a bidirectional override.
    """
    text = unicodedata.normalize("NFC", name)
    if not 0 < len(text) <= limit or text in (".", ".."):
        raise KadeError(reason, ascii(name[:80]))
    if any(not _printable(char) for char in text):
        raise KadeError(reason, ascii(name[:80]))
    return text


def title(text: str, reason: Reason, limit: int = NAME_LIMIT) -> str:
    """What people call a thing that no path is ever made of: trimmed, with slashes if they like.

    Raises:
        KadeError: *reason*, as ``clean`` does.
    """
    trimmed = unicodedata.normalize("NFC", text.strip())
    clean(trimmed.replace("/", "-").replace("\\", "-"), reason, limit)
    return trimmed


def fold(name: str) -> str:
    """The form in which two names are the same name, in whatever normal form and case they come: NFC."""
    # First NFC, too: the order of the marks behind a letter counts for what becomes of an iota below it.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _printable(char: str) -> bool:
    return char not in "/\\" and char not in _BIDI_CONTROLS and unicodedata.category(char) not in ("Cc", "Cs")
