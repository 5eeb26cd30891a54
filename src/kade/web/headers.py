"""Header values that carry what users typed, without letting them write headers of their own."""

from urllib.parse import quote

_FORBIDDEN = str.maketrans({'"': "_", "\\": "_", **{chr(code): "_" for code in (*range(32), 127)}})


def attachment(name: str) -> str:
    """``Content-Disposition`` (RFC 6266) for a download that never runs in a browser.

    The plain ``filename`` comes first and in quotes, for clients that know nothing else; a name outside
    US-ASCII is given in full by ``filename*`` (RFC 8187).
    """
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
