"""Links to download by: for one file, for some minutes, and for as long as who asked for it may read it."""

import hashlib
import hmac
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from kade.core.clock import Millis, now
from kade.core.contents import Content, Extent
from kade.core.errors import FileReason, KadeError
from kade.core.events import Event
from kade.core.files import File
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller, Origin, in_force
from kade.services import files
from kade.web.authentication import origin_of, remember
from kade.web.dialect import Kit
from kade.web.headers import SAFE_DOWNLOAD, attachment
from kade.web.streaming import ContentResponse, Representation, plan

_PURPOSE = "download links"
_PROOF = 40  # hex digits


class DownloadLinks:
    """Makes links below *path* and follows them; *base* tells the server's public URL."""

    def __init__(self, kit: Kit, path: str, base: Callable[[], str], lifetime_s: float) -> None:
        self._kit = kit
        self._path = path
        self._base = base
        self._lifetime_ms = round(lifetime_s * 1000)

    def to(self, file: File, caller: Caller) -> tuple[str, Millis]:
        """A link to the file, and until when it counts."""
        until = Millis((now() + self._lifetime_ms) // 1000 * 1000)
        said = f"{file.id}-{until:x}-{caller.credential_id}"
        return f"{self._base()}{self._path}/{said}-{self._proof(said)}", until

    async def follow(self, request: Request) -> Response:
        """The file's bytes, or some of them.

        Raises:
            KadeError: ``FileReason.UNKNOWN`` for a link that does not count, or no longer.
        """
        request.scope["kade.shown_path"] = f"{self._path}/…"
        token: str = request.path_params["token"]
        origin = origin_of(request)

        def look(tx: Tx) -> tuple[Caller, File, Content, list[Extent]]:
            caller, file = self._opened(tx, token, origin)
            content = files.content_of(tx, file)
            return caller, file, content, tx.contents.extents(content.id)

        kit = self._kit
        caller, file, content, extents = await kit.catalog.glance(look)
        remember(request, caller)
        kit.audit.note(Event.by(caller, "file.read", file.id))
        headers = {
            "Content-Disposition": attachment(file.name),
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
            **SAFE_DOWNLOAD,
        }
        what = Representation(content, extents, headers)
        planned = plan(request, what, kit.ranges)
        return ContentResponse(kit.store, kit.transfers, caller, what, planned, file.media_type)

    def _opened(self, tx: Tx, token: str, origin: Origin) -> tuple[Caller, File]:
        said, _, proof = token.rpartition("-")
        file_id, _, rest = said.partition("-")
        until, _, credential_id = rest.partition("-")
        if not hmac.compare_digest(proof.encode(), self._proof(said).encode()) or int(until, 16) <= now():
            raise KadeError(FileReason.UNKNOWN)
        try:
            credential = in_force(tx.credentials.get(Id(credential_id)), now())
        except KadeError as error:
            raise KadeError(FileReason.UNKNOWN) from error
        principal = tx.principals.get(credential.principal_id)
        assert principal is not None
        caller = Caller(principal.id, principal.name, principal.tenant_id, credential.id, origin)
        return caller, files.find(tx, caller, Id(file_id))

    def _proof(self, said: str) -> str:
        key = self._kit.sealer.derive(_PURPOSE)
        return hmac.new(key, said.encode(errors="replace"), hashlib.sha256).hexdigest()[:_PROOF]
