"""Plain text, CSV, JSON and whatever else is text as it stands."""

import re

from kade.search.extract import decoding, kinds
from kade.search.extract.gathering import Gathering, Part

_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
# At the end: an escape that goes on in the next piece, or the first of two that make one character.
_UNFINISHED = re.compile(
    r"(?<!\\)(?:\\\\)*((?:\\u[dD][89abAB][0-9a-fA-F]{2})?(?:\\(?:u[0-9a-fA-F]{0,3})?)?)\Z"
)
_SHORT = {"b": " ", "f": " ", "n": "\n", "r": "\n", "t": "\t"}


def read(part: Part, gathering: Gathering) -> None:
    """Say all of it, decoded."""
    held = ""
    for piece in decoding.pieces(part.stream, part.charset):
        if part.media_type != kinds.JSON:
            gathering.say(piece)
            continue
        piece = held + piece
        cut = _UNFINISHED.search(piece)
        end = cut.start(1) if cut else len(piece)
        held = piece[end:]
        gathering.say(_unescaped(piece[:end]))
    gathering.say(_unescaped(held))


def _unescaped(text: str) -> str:
    """JSON's escapes (RFC 8259, section 7) as what they stand for."""
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2]), text
    )
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
