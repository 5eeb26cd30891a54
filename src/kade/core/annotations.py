"""Annotations: what people say of a file, kept as they wrote it."""

import msgspec


class Annotations(msgspec.Struct, frozen=True, omit_defaults=True):
    """*tags* are words, *meta* a JSON object's text, *extra* text that counts as the file's own."""

    tags: tuple[str, ...] = ()
    meta: str = ""
    extra: str = ""

    def stored(self) -> str:
        """The form in which a file's row keeps it; empty when nothing is said."""
        return msgspec.json.encode(self).decode() if self != Annotations() else ""


def of(stored: str) -> Annotations:
    """What a file's row says; nothing, when that is another kind of note."""
    try:
        return msgspec.json.decode(stored, type=Annotations) if stored.startswith("{") else Annotations()
    except msgspec.DecodeError:
        return Annotations()
