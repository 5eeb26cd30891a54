"""Media types as users declare them (RFC 6838, section 4.2)."""

import re

from kade.core.errors import FileReason, KadeError

OCTET_STREAM = "application/octet-stream"

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
