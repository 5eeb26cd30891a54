"""Names of objects on this wire: a prefix that tells what it is, and the core's id in base 36.

They say the same as the id and nothing besides, so an object that came in by any other door has one, too.
Lengths differ in the original's own examples; ours are 25 lower-case letters and digits.
"""

from enum import StrEnum

from kade.core.ids import Id

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 25  # of 128 bits in base 36
_BITS = 128


class Prefix(StrEnum):
    """What an id is the name of."""

    REQUEST = "frq_"
    REQUESTED_FILE = "fqf_"
    FILE = "fsf_"
    DIRECTORY = "fsd_"
    SHARE = "fss_"
    CUSTOMER = "cst_"
    WEBHOOK = "wbh_"


def told(prefix: Prefix, given: Id) -> str:
    """The id as it stands on the wire."""
    value, digits = int(given, 16), ""
    while value:
        value, rest = divmod(value, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return prefix + digits.rjust(_LENGTH, "0")


def read(prefix: Prefix, text: str) -> Id | None:
    """The id that ``told`` wrote with this prefix; None when *text* is no such thing."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or len(digits) != _LENGTH or not set(digits) <= set(_DIGITS):
        return None
    value = int(digits, len(_DIGITS))
    return Id(f"{value:032x}") if value < 1 << _BITS else None
