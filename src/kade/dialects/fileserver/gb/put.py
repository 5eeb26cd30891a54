"""PUT: a partner puts a file into the own box, in place of what the URL named before (GB002, GB016).

The old file stays until the new one is complete, whose bytes count as a whole or not at all.
"""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from kade.core.bindings import Noun
from kade.core.errors import FileReason, KadeError, RequestReason
from kade.core.files import FileState
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.dialects.fileserver.exchange import PartnerDoor
from kade.dialects.fileserver.gb import places
from kade.dialects.fileserver.gb.places import PLACES, Place
from kade.services import uploads
from kade.services.uploads import Arrived, Wish
from kade.web.dialect import Kit
from kade.web.receive import body_of

ROUTE = f"/{places.SEGMENT}/{{number}}/{{key:path}}"


class Putting:
    """Receives what partners push."""

    def __init__(self, kit: Kit, door: PartnerDoor) -> None:
        self._kit = kit
        self._door = door

    async def handle(self, request: Request) -> Response:
        """201 for a new file, 204 for one that replaces another; in both the file's ETag."""
        caller = await self._door.caller(request)
        if request.method != "PUT":
            raise KadeError(RequestReason.METHOD_NOT_ALLOWED, request.method[:20], allow="PUT")
        number, key = request.path_params["number"], request.path_params["key"]
        place = await self._kit.catalog.glance(places.own, caller, number, key)
        put = _Put(self._kit, caller, place, _wish(request, place), _Condition.of(request.headers))
        async with body_of(request.scope, request.receive) as body:
            upload = await self._kit.appending.deposit_whole(caller, put.begin, body, put.close)
        return Response(status_code=204 if put.replaces else 201, headers={"ETag": f'"{upload.content_id}"'})


class _Put:
    """One file on its way to one place."""

    def __init__(self, kit: Kit, caller: Caller, place: Place, wish: Wish, condition: "_Condition") -> None:
        self._kit = kit
        self._caller = caller
        self._place = place
        self._wish = wish
        self._condition = condition
        self.replaces = False

    def begin(self, tx: Tx) -> Upload:
        """Everything that can be refused is refused before the client is asked for the body."""
        self._condition.require(tx, self._place)
        kit = self._kit
        return uploads.begin(tx, self._caller, kit.namers, kit.rules, self._place.box, self._wish)

    def close(self, tx: Tx, upload: Upload, _arrived: Arrived) -> None:
        """All of it is here: in the transaction that makes it live it takes the place."""
        self._condition.require(tx, self._place)
        self.replaces = places.settle(tx, self._caller, self._place, upload.file_id)


@dataclass(frozen=True, slots=True)
class _Condition:
    """What ``If-Match`` and ``If-None-Match`` demand of the file that is there (RFC 9110, 13.1)."""

    match: frozenset[str] | None
    none_match: frozenset[str] | None

    @classmethod
    def of(cls, headers: Headers) -> "_Condition":
        return cls(_tags(headers, "if-match"), _tags(headers, "if-none-match"))

    def require(self, tx: Tx, place: Place) -> None:
        """Raises KadeError(FileReason.CONDITION_FAILED) unless it holds."""
        if self.match is None and self.none_match is None:
            return
        file_id = tx.bindings.object_of(PLACES, Noun.FILE, place.key, place.box)
        file = tx.files.get(file_id) if file_id is not None else None
        there = {"*", f'"{file.content_id}"'} if file is not None and file.state == FileState.LIVE else set()
        if self.match is not None and not self.match & there:
            raise KadeError(FileReason.CONDITION_FAILED, place.key)
        if self.none_match is not None and {each.removeprefix("W/") for each in self.none_match} & there:
            raise KadeError(FileReason.CONDITION_FAILED, place.key)


def _tags(headers: Headers, name: str) -> frozenset[str] | None:
    values = headers.getlist(name)
    return frozenset(tag.strip() for tag in ",".join(values).split(",")) if values else None


def _wish(request: Request, place: Place) -> Wish:
    """What the headers say of the file.

    A part of a file is refused (RFC 9110, 14.5), and so is a body in a coding, which would have to be undone;
    without a length nobody could tell an empty file from a client's mistake.
    """
    headers = request.headers
    if "content-range" in headers:
        raise KadeError(RequestReason.BAD_VALUE, "Content-Range")
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding")
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        raise KadeError(RequestReason.LENGTH_REQUIRED)
    if length is not None and not (length.isascii() and length.isdigit()):
        raise KadeError(RequestReason.MALFORMED, "Content-Length")
    # An upload of no bytes is finished when it begins; ours must end with the closing word.
    return Wish(place.name, int(length or 0) or None, headers.get("content-type"))
