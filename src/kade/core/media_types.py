"""Media types as users declare them (RFC 6838, section 4.2)."""

import re
from collections.abc import Sequence

from kade.core.errors import FileReason, KadeError

OCTET_STREAM = "application/octet-stream"

# Types whose files begin alike: by its first bytes one cannot be told from another.
_FAMILIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"application/(zip|java-archive|.*\+zip|vnd\.(openxmlformats-|oasis\.opendocument\.).*)",
        r"application/(msword|x-ole-storage|vnd\.ms-.*)",
        r"text/(?!html).*|application/(json|xml|yaml|sql|.*\+(xml|json))|message/rfc822",
        r"(audio|video)/.*",
        r"image/hei[cf](-sequence)?",
        r"image/(jpeg|jpg|pjpeg)",
    )
)
# What always begins with something by which it is known.
_SIGNED = re.compile(r"application/(pdf|rtf)|(image|audio|video|text)/.*")

_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


def clean(declared: str | None) -> str:
    """The type without its parameters; ``application/octet-stream`` when none is declared.

    Raises:
        KadeError: ``FileReason.BAD_MEDIA_TYPE`` when it is not ``type/subtype``.
    """
    essence = (declared or "").partition(";")[0].strip()
    if not essence:
        return OCTET_STREAM
    if not _TYPE.fullmatch(essence):
        raise KadeError(FileReason.BAD_MEDIA_TYPE, ascii(essence[:80]))
    return essence.lower()


def accepted(patterns: Sequence[str]) -> str:
    """Types such as ``application/pdf`` and ``image/*``, checked, each once, with spaces between.

    Raises:
        KadeError: ``FileReason.BAD_MEDIA_TYPE``.
    """
    for each in patterns:
        clean(each.removesuffix("*") + "any" if each.endswith("/*") else each or "none")
    return " ".join(dict.fromkeys(each.lower() for each in patterns))


def matches(media_type: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns (``application/pdf``, ``image/*``) is that type."""
    return any(
        media_type == each or (each.endswith("/*") and media_type.startswith(each.removesuffix("*")))
        for each in patterns
    )


def looks_like(detected: str, patterns: Sequence[str]) -> bool:
    """Whether a file whose first bytes look like *detected* may be of one of these types.

    Bytes that look like nothing known may be of any type that has no signature of its own.
    """
    if detected == OCTET_STREAM:
        return not all(_is_signed(each) for each in patterns)
    families = [family for family in _FAMILIES if family.fullmatch(detected)]
    return matches(detected, patterns) or any(
        family.fullmatch(each) for family in families for each in patterns
    )


def _is_signed(pattern: str) -> bool:
    return any(family.fullmatch(pattern) for family in (_SIGNED, *_FAMILIES))
