"""Media types by the first bytes, whatever the name says."""

import puremagic

UNKNOWN = "application/octet-stream"


def detect(head: bytes) -> str:
    """The type that *head*, the first few KiB of a content, looks like; octet-stream when like nothing."""
    if not head:
        return "application/x-empty"
    try:
        found: str = puremagic.from_string(head, mime=True)
    except (puremagic.PureError, ValueError):
        return _text_or_unknown(head)
    return found or UNKNOWN


def _text_or_unknown(head: bytes) -> str:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not merely a character that the end of the head cuts
            return UNKNOWN
        text = head[: error.start].decode()
    return "text/plain" if all(char.isprintable() or char in "\t\r\n\f" for char in text) else UNKNOWN
