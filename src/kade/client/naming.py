"""What a file is called: names from answers and URLs, made safe for a folder."""

from __future__ import annotations

import re
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiohttp

from kade.client.ports import Offered

_EXTENDED = re.compile(r"filename\*\s*=\s*(UTF-8|ISO-8859-1)'[^']*'([^;\s]+)", re.IGNORECASE)


def offered(answer: aiohttp.ClientResponse, url: str) -> Offered:
    """Name and media type of the file that this answer gives."""
    name = disposition_name(answer.headers.get("Content-Disposition", "")) or url_name(url)
    return Offered(name, answer.content_type if "Content-Type" in answer.headers else None)


def disposition_name(header: str) -> str:
    """The safe file name of a Content-Disposition, `filename*` (RFC 8187) before `filename`; "" without."""
    if extended := _EXTENDED.search(header):
        return safe(unquote(extended[2], encoding=extended[1]))
    if not header:
        return ""
    message = EmailMessage()
    try:
        message["Content-Disposition"] = header
        return safe(message.get_filename() or "")
    except (ValueError, IndexError):
        return ""


def url_name(url: str) -> str:
    """The safe last part of a URL's path, "" when there is none."""
    return safe(unquote(urlsplit(url).path.rstrip("/")))


def safe(name: str) -> str:
    """A name that stays in its folder: its last part, printable, without a dot in front."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(letter for letter in last if letter.isprintable())
    return printable.strip().lstrip(".")[:200]
