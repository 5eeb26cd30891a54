"""POST: a new upload (extensions Creation, Creation With Upload, Concatenation)."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import KadeError, RequestReason, UploadReason
from kade.core.ports import Source, Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload, UploadKind
from kade.services import joining, uploads
from kade.services.uploads import Arrived, Wish
from kade.web.receive import body_of
from kade.web.tus import headers as tus
from kade.web.tus.endpoint import TusParts, progress


class Create:
    operation = "upload.create"
    reads = ""

    def __init__(self, parts: TusParts) -> None:
        self._parts = parts

    async def handle(self, request: Request, caller: Caller) -> Response:
        """201 with the upload's ``Location``; a body of the right type is its first bytes."""
        concat = tus.upload_concat(request.headers)
        wish = self._wish(request, concat)
        async with body_of(request.scope, request.receive) as source:
            if concat.kind is UploadKind.FINAL:
                return await self._join(request, caller, wish, concat.urls)
            return await self._begin(request, caller, wish, source)

    def _wish(self, request: Request, concat: tus.Concat) -> Wish:
        verbatim, metadata = tus.upload_metadata(request.headers, self._parts.metadata_limit)
        said = self._parts.door.described(metadata)
        length = None
        if concat.kind is UploadKind.FINAL:
            if "Upload-Length" in request.headers:
                raise KadeError(UploadReason.BAD_LENGTH, "a final upload has the length of its parts")
        else:
            length = tus.declared_length(request.headers)
        return Wish(
            said.name,
            length,
            said.media_type,
            verbatim,
            kind=concat.kind,
            concat=concat.verbatim,
            slot_id=said.slot_id,
        )

    async def _begin(self, request: Request, caller: Caller, wish: Wish, source: Source) -> Response:
        parts = self._parts
        keys: list[str] = []

        def begin(tx: Tx, arrived: Arrived | None = None) -> Upload:
            space_id = parts.door.space(tx, caller)
            upload = uploads.begin(tx, caller, parts.namers, parts.rules, space_id, wish, arrived)
            keys[:] = [parts.door.key_of(tx, upload)]
            return upload

        if source.remaining == 0:
            upload = await parts.appending.tools.catalog.write(begin)
            return self._created(request, upload, keys[0], {})
        if not tus.is_body_type(request.headers):
            raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE)
        if wish.length is not None and (source.remaining or 0) > wish.length:
            raise KadeError(UploadReason.LENGTH_EXCEEDED, length=wish.length)
        checksum = tus.upload_checksum(request.headers)
        upload = await parts.appending.deposit(caller, begin, source, checksum)
        return self._created(request, upload, keys[0], progress(upload))

    async def _join(self, request: Request, caller: Caller, wish: Wish, urls: tuple[str, ...]) -> Response:
        parts = self._parts
        keys = [tus.key_of_part(url, parts.door.path) for url in urls]

        def begin(tx: Tx) -> tuple[Upload, str]:
            space_id = parts.door.space(tx, caller)
            try:
                part_ids = [parts.door.upload_of(tx, caller, key).id for key in keys]
            except KadeError as error:
                raise KadeError(UploadReason.NOT_A_PART, error.subject) from error
            upload = joining.begin_final(tx, caller, parts.namers, parts.rules, space_id, wish, part_ids)
            return upload, parts.door.key_of(tx, upload)

        upload, key = await parts.appending.tools.catalog.write(begin)
        parts.appending.tools.digesting.begin_pending(upload.content_id)
        return self._created(request, upload, key, {})

    def _created(self, request: Request, upload: Upload, key: str, told: dict[str, str]) -> Response:
        if not upload.complete:
            told["Upload-Expires"] = tus.expires(upload.expires_at)
        return Response(status_code=201, headers={"Location": self._parts.door.url_of(request, key), **told})
