"""Text in pictures, by the program ``tesseract``."""

import subprocess

from kade.core.extraction import RemarkKind
from kade.search.extract.gathering import Unreadable
from kade.search.extract.limits import Limits


def text(picture: bytes, limits: Limits) -> str:
    """What can be read in *picture* (PNG, JPEG or TIFF), in the languages of *limits*.

    Raises:
        Unreadable: the program is not there, has not that language, or cannot read such a picture.
    """
    command = ["tesseract", "stdin", "stdout", "-l", "+".join(limits.languages)]
    try:
        done = subprocess.run(command, input=picture, capture_output=True, check=False)
    except OSError:
        raise Unreadable(RemarkKind.UNSUPPORTED) from None
    if done.returncode:
        raise Unreadable(RemarkKind.UNSUPPORTED)
    return done.stdout.decode("utf-8", "replace").replace("\f", "\n")
