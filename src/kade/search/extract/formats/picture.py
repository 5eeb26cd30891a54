"""Pictures say nothing, unless OCR is on."""

from kade.search.extract import ocr
from kade.search.extract.formats.pdf import whole
from kade.search.extract.gathering import Gathering, Part

_READABLE = frozenset({"image/png", "image/jpeg", "image/tiff"})


def read(part: Part, gathering: Gathering) -> None:
    """Say what can be read in it."""
    if gathering.limits.ocr and part.media_type in _READABLE:
        gathering.say(ocr.text(whole(part, gathering), gathering.limits))
