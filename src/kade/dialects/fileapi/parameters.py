"""What stands in the query of a request: names in any case, for clients write ``uploadtype``, too.

Parameters that nobody knows are left alone.
"""

import re
from enum import StrEnum

from starlette.requests import Request

from kade.core.errors import KadeError, RequestReason
from kade.core.ids import Id, undashed
from kade.services.joining import MOST_PARTS

LARGEST_PAGE = 1000
_PAGE = 20
_LAST_POSITION = MOST_PARTS - 1
_TOKEN = re.compile("[0-9a-f]{32}")
_DIGITS = 9  # in a number: enough for every page and position


class Role(StrEnum):
    """As what an application acts in a request."""

    SUBSCRIBER = "subscriber"
    PUBLISHER = "publisher"


class Parameters:
    """The query of one request; each property raises KadeError(RequestReason.BAD_VALUE) for a wrong value."""

    def __init__(self, request: Request) -> None:
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            self._values.setdefault(name.lower(), value)

    def role(self, *allowed: Role) -> Role:
        """Raises KadeError also when it is missing, or none of *allowed*."""
        text = self._values.get("role", "").lower()
        found = next((role for role in allowed or Role if role.value == text), None)
        if found is None:
            raise KadeError(RequestReason.BAD_VALUE if text else RequestReason.MISSING_VALUE, "role")
        return found

    @property
    def page_index(self) -> int:
        """Of the page, from 0."""
        return self._number("pageIndex", 0, 10**_DIGITS - 1)

    @property
    def page_size(self) -> int:
        """Entries of a page: 1 to 1000."""
        return self._number("pageSize", _PAGE, LARGEST_PAGE, least=1)

    @property
    def filter(self) -> str:
        """``$filter``, perhaps empty."""
        return self._values.get("$filter", "")

    @property
    def order_by(self) -> str:
        """``$orderBy``, perhaps empty."""
        return self._values.get("$orderby", "")

    @property
    def upload_type(self) -> str:
        """``multipart`` or ``resumable``."""
        found = self._values.get("uploadtype", "").lower()
        if found not in ("multipart", "resumable"):
            raise KadeError(RequestReason.BAD_VALUE, "uploadType")
        return found

    @property
    def upload_token(self) -> Id | None:
        """Of a chunked upload, one that nobody has for what is no token; None when the request names none."""
        text = self._values.get("uploadtoken", "").lower()
        if not text:
            return None
        return Id(text if _TOKEN.fullmatch(text) else "")

    @property
    def position(self) -> int:
        """Of a chunk, from 0."""
        if "position" not in self._values:
            raise KadeError(RequestReason.MISSING_VALUE, "position")
        return self._number("position", 0, _LAST_POSITION)

    @property
    def close(self) -> bool:
        """Whether the chunk is the last one that is sent."""
        text = self._values.get("close", "false").lower()
        if text not in ("true", "false"):
            raise KadeError(RequestReason.BAD_VALUE, "close")
        return text == "true"

    def _number(self, name: str, default: int, most: int, least: int = 0) -> int:
        text = self._values.get(name.lower())
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and least <= int(text) <= most):
            raise KadeError(RequestReason.BAD_VALUE, name)
        return int(text)


def file_id(request: Request) -> Id:
    """The file that the path names; one that nobody has when it is no UUID."""
    return undashed(request.path_params["file"]) or Id("")
