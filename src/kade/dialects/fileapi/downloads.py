"""Downloads, whole or by ranges, for the subscriber that a file was delivered to and for its publisher."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.contents import Content, Extent
from kade.core.errors import FileReason, KadeError
from kade.core.events import Event
from kade.core.files import File
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.ranges import Span
from kade.dialects.fileapi.parameters import Parameters, Role, file_id
from kade.dialects.fileapi.receipts import Receipts
from kade.services import deliveries, files, publications
from kade.web.dialect import Kit
from kade.web.headers import SAFE_DOWNLOAD, attachment
from kade.web.streaming import ContentResponse, Plan, Representation, plan

_BYTES = "application/octet-stream"
_ONE_RANGE = 1  # of several, the whole file is sent
_BROKEN = frozenset({FileReason.CONTENT_GONE, FileReason.INCOMPLETE})


class Downloads:
    """``GET``, ``HEAD`` and ``DELETE`` of ``/files/{fileId}``."""

    def __init__(self, kit: Kit, receipts: Receipts) -> None:
        self._kit = kit
        self._receipts = receipts

    async def fetch(self, request: Request, caller: Caller) -> Response:
        """The file's bytes, or some of them; a HEAD tells how many there are, whatever its Range says."""
        role = Parameters(request).role()
        readable = publications.readable if role is Role.PUBLISHER else deliveries.readable
        found = file_id(request)

        def look(tx: Tx) -> tuple[File, Content, list[Extent]]:
            return _with_content(tx, readable(tx, caller, found))

        file, content, extents = await self._kit.catalog.glance(look)
        self._kit.audit.note(Event.by(caller, "file.read", file.id, role=role.value))
        headers = {"Content-Disposition": attachment(file.name, bare=True), **SAFE_DOWNLOAD}
        what = Representation(content, extents, headers)
        planned = _plan(request, what)

        async def sent(spans: Sequence[Span]) -> None:
            await self._receipts.write(caller, file.id, spans)

        noted = sent if role is Role.SUBSCRIBER else None
        kit = self._kit
        return ContentResponse(kit.store, kit.transfers, caller, what, planned, _BYTES, noted)

    async def dismiss(self, request: Request, caller: Caller) -> Response:
        """The file is deleted for the asking application, and for no other."""
        Parameters(request).role(Role.SUBSCRIBER)
        await self._kit.catalog.write(deliveries.dismiss, caller, file_id(request))
        return Response(status_code=204)


def _plan(request: Request, what: Representation) -> Plan:
    """As HTTP has it; but of an empty file no range at all can be had (spec 1(c) 12)."""
    planned = plan(request, what, _ONE_RANGE)
    headers = request.headers
    ranged = headers.get("range", "").strip().lower().startswith("bytes=") and "if-range" not in headers
    if ranged and request.method == "GET" and planned.status == 200 and what.content.length == 0:
        raise KadeError(FileReason.RANGE_NOT_SATISFIABLE, total=0)
    return planned


def _with_content(tx: Tx, file: File) -> tuple[File, Content, list[Extent]]:
    try:
        content = files.content_of(tx, file)
    except KadeError as error:
        assert error.reason in _BROKEN
        raise KadeError(FileReason.UNKNOWN, file.id) from error
    return file, content, tx.contents.extents(content.id)
