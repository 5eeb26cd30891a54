"""Header values that carry what users typed, without letting them write headers of their own."""

import re
from urllib.parse import quote

_FORBIDDEN = str.maketrans({'"': "_", "\\": "_", **{chr(code): "_" for code in (*range(32), 127)}})


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2


def attachment(name: str, *, bare: bool = False) -> str:
    """``Content-Disposition`` (RFC 6266) for a download that never runs in a browser.

    The plain ``filename`` comes first and in quotes, for clients that know nothing else; *bare* leaves the
    quotes out where the name is a token. A name outside US-ASCII is given in full by ``filename*`` (RFC
    8187).
    """
    if bare and _TOKEN.fullmatch(name):
        return f"attachment; filename={name}"
    plain = name.translate(_FORBIDDEN)
    ascii_name = plain.encode("ascii", "replace").decode().replace("?", "_")
    if ascii_name == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


# Files that somebody uploaded must not act as pages of ours.
SAFE_DOWNLOAD = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
