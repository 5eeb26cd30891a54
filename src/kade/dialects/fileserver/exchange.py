"""The partners' side: ``<path>/upload`` by tus and ``<path>/download/<virtual path>`` (spec 1.5, 1.6)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.bindings import Noun
from kade.core.clock import now
from kade.core.contents import Content, Extent
from kade.core.errors import FileReason, KadeError, RequestReason, UploadReason
from kade.core.events import Event
from kade.core.files import File
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.uploads import Upload
from kade.dialects.fileserver import boxes
from kade.dialects.fileserver.errors import ExchangeRefusals
from kade.dialects.fileserver.files import UNNAMED
from kade.dialects.fileserver.namer import INSTANCE
from kade.dialects.fileserver.settings import Settings
from kade.services import files, uploads
from kade.web.dialect import Kit
from kade.web.headers import SAFE_DOWNLOAD, attachment
from kade.web.streaming import ContentResponse, Representation, plan
from kade.web.tus import Described


class PartnerDoor:
    """Implements ``web.tus.Door``: a partner uploads into the own box."""

    name = f"{INSTANCE}.exchange"

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self.path = f"{settings.path}/upload"
        self.origins: Sequence[str] = settings.cors_origins
        self._kit = kit
        self._base_url = settings.base_url.rstrip("/")
        self._by_oin = settings.match_oin
        self._refusals = ExchangeRefusals(settings.unknown_certificate_status)

    async def caller(self, request: Request) -> Caller:
        return await self._kit.authentication.by_certificate(request, by_oin=self._by_oin)

    def space(self, tx: Tx, caller: Caller) -> Id:
        return boxes.of_partner(tx, caller.principal_id)

    def described(self, metadata: dict[str, str]) -> Described:
        """``filename`` and ``Content-Type`` as upstream, or what other clients call them."""
        name = metadata.get("filename") or metadata.get("name") or UNNAMED
        media_type = next(
            (metadata[key] for key in ("Content-Type", "filetype", "type") if metadata.get(key)), None
        )
        return Described(name.replace("\\", "/").rpartition("/")[2] or UNNAMED, media_type)

    def url_of(self, request: Request, key: str) -> str:
        """Absolute, which every client understands, where we know our public address.

        Without TLS of our own a proxy stands before us: only ``base_url`` knows its address then.
        """
        if self._base_url:
            return f"{self._base_url}/upload/{key}"
        if request.scope["scheme"] == "https":
            return f"https://{request.url.netloc}{self.path}/{key}"
        return f"{self.path}/{key}"

    def key_of(self, tx: Tx, upload: Upload) -> str:
        key = tx.bindings.key_of(INSTANCE, Noun.FILE, upload.file_id)
        assert key is not None
        return key

    def upload_of(self, tx: Tx, caller: Caller, key: str) -> Upload:
        try:
            return uploads.find_by_file(tx, caller, tx.bindings.object_of(INSTANCE, Noun.FILE, key))
        except KadeError as error:
            raise KadeError(UploadReason.UNKNOWN, key[:80]) from error

    def refuse(self, request: Request, error: KadeError) -> Response:
        return self._refusals(request, error)


class Downloads:
    """GET and HEAD of a partner's own files."""

    def __init__(self, kit: Kit, door: PartnerDoor) -> None:
        self._kit = kit
        self._door = door

    async def handle(self, request: Request) -> Response:
        """The file, or with the suffix ``.md5`` or ``.sha256`` its checksum in upper-case hex."""
        caller = await self._door.caller(request)
        if request.method not in ("GET", "HEAD"):
            raise KadeError(RequestReason.METHOD_NOT_ALLOWED, request.method[:20], allow="GET, HEAD")
        path, _, suffix = request.path_params["path"].partition(".")
        file, content, extents = await self._kit.catalog.glance(_downloadable, caller, path)
        self._kit.audit.note(
            Event.by(caller, "file.read", file.id, path=path, range=request.headers.get("range", "")[:200])
        )
        if suffix:
            return await self._checksum(content, suffix)
        headers = {"Content-Disposition": attachment(file.name), **SAFE_DOWNLOAD}
        if is_binary(file.media_type):
            headers["Content-Transfer-Encoding"] = "binary"
        what = Representation(content, extents, headers)
        planned = plan(request, what, self._kit.ranges)
        return ContentResponse(self._kit.store, self._kit.transfers, caller, what, planned, file.media_type)

    async def _checksum(self, content: Content, suffix: str) -> Response:
        if suffix not in ("md5", "sha256"):
            raise KadeError(FileReason.UNKNOWN, suffix[:20])
        content = await self._kit.digesting.ensure(content.id, md5=suffix == "md5")
        digest = content.md5 if suffix == "md5" else content.sha256
        assert digest is not None
        return Response(digest.upper(), media_type="text/plain")


def is_binary(media_type: str) -> bool:
    """Everything but ``text/*`` and ``*/xml`` (spec 1.2)."""
    kind, _, subtype = media_type.partition("/")
    return kind != "text" and subtype != "xml"


def _downloadable(tx: Tx, caller: Caller, path: str) -> tuple[File, Content, list[Extent]]:
    file = files.find(tx, caller, tx.bindings.object_of(INSTANCE, Noun.FILE, path))
    if file.space_id != boxes.of_partner(tx, caller.principal_id):
        raise KadeError(FileReason.UNKNOWN, file.id)
    if not file.frame.contains(now()):
        raise KadeError(FileReason.NOT_YET_OR_NO_LONGER, file.id)
    content = files.content_of(tx, file)
    return file, content, tx.contents.extents(content.id)
