"""A file server on loopback that is strict by itself, with one switch per way in which upstream deviates.

The switches are those of file-service.md 1.5 and 1.6; each names the paragraph in its comment. What the
server was asked stands in `trace`, so that two runs can be compared.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web
from tests.client.servers import cut

ETAG = '"one"'
MODIFIED = format_datetime(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), usegmt=True)


@dataclass
class Deviations:
    """One switch per deviation; all off is a strict server."""

    # tus, 1.5
    extension_create: bool = False  # OPTIONS says `create`
    relative_location: bool = False  # path-absolute Location
    head_201: bool = False  # HEAD is answered 201
    head_without_length: bool = False  # HEAD has no Upload-Length
    vanished_404: bool = False  # an upload is forgotten after a cut; 404
    offset_unenforced: bool = False  # deviation 1: a wrong Upload-Offset is not refused
    body_not_cut: bool = False  # deviation 2: more than Upload-Length is stored
    complete_500: bool = False  # deviation 3, 1.x: PATCH of a complete upload
    complete_appended: bool = False  # deviation 3, 2.x: PATCH of a complete upload is appended
    deferred_500: bool = False  # deviation 4: a PATCH that does not tell a deferred length again
    no_locking: bool = False  # deviation 5: what came before a cut is stored while HEAD is answered
    no_expiration: bool = False  # deviation 5: no Upload-Expires
    options_500: bool = False  # deviation 6: OPTIONS with file.maxFileSize=0
    only_content_type: bool = False  # metadata: `Content-Type`, never `filetype`
    errors_without_tus: bool = False  # errors have no Tus-Resumable and no body
    methods_500: bool = False  # other methods than tus's are answered 500
    unknown_certificate_401: bool = False  # 401 where the standard says 403 (GB010)

    # download, 1.6
    no_last_modified: bool = False
    no_digest_header: bool = False  # no Repr-Digest; digests stand beside the file
    uppercase_digest: bool = False  # checksum text is upper-case hex
    head_of_incomplete: bool = False  # 200 and the bytes so far to HEAD of what is not complete
    incomplete_404: bool = False  # GET of what is not complete
    bare_206: bool = False  # 206 without ETag, Accept-Ranges, Content-Disposition
    if_range_lax: bool = False  # an unparsable or weak If-Range counts as satisfied
    weak_etag: bool = False  # not upstream's, but what makes the one above dangerous
    backwards_500: bool = False  # `bytes=5-2`
    end_clamped: bool = False  # a last position behind the end is taken
    suffix_get_only: bool = False  # HEAD of .md5 and .sha256 is answered 500
    if_match_ignored: bool = False
    plain_filename: bool = False  # never `filename*`
    no_disposition: bool = False  # a file without a name


@dataclass
class Upstream:
    """Uploads at /files/upload, one file at /files/download/… ; give it to ``servers.running``.

    `break_after` cuts the first body, sent or received, after so many bytes. `incomplete` has half of the
    file only, `stranger` does not know us.
    """

    content: bytes
    deviations: Deviations = field(default_factory=Deviations)
    break_after: int | None = None
    incomplete: bool = False
    stranger: bool = False

    trace: list[tuple[str, ...]] = field(default_factory=list)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    late: list[bytes] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        asked = [request.headers.get(name, "") for name in ("Upload-Offset", "Range", "If-Range")]
        self.trace.append((request.method, request.path.rpartition("/files/")[2], *asked))
        if self.stranger:
            return web.Response(status=401 if self.deviations.unknown_certificate_401 else 403)
        if "/files/download/" in request.path:
            return await self._download(request)
        answer = await self._tus(request)
        if answer.status < 400 or not self.deviations.errors_without_tus:
            answer.headers.setdefault("Tus-Resumable", "1.0.0")
        return answer

    # tus

    async def _tus(self, request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            extension = "create" if self.deviations.extension_create else "creation"
            status = 500 if self.deviations.options_500 else 204
            return web.Response(status=status, headers={"Tus-Extension": extension})
        if request.headers.get("Tus-Resumable") != "1.0.0":
            return self._error(412)
        verbs = {"POST": self._create, "HEAD": self._head, "PATCH": self._patch}
        if request.method not in verbs:
            return self._error(500 if self.deviations.methods_500 else 405)
        return await verbs[request.method](request)

    def _error(self, status: int) -> web.Response:
        return web.Response(status=status, text="" if self.deviations.errors_without_tus else "no")

    async def _create(self, request: web.Request) -> web.StreamResponse:
        key = f"u{len(self.lengths)}"
        self.uploads[key], self.lengths[key] = bytearray(), int(request.headers["Upload-Length"])
        pairs = (pair.split(" ") for pair in request.headers["Upload-Metadata"].split(","))
        self.metadata = {name: base64.b64decode(value).decode() for name, value in pairs}
        self.metadata["type"] = self.metadata[
            "Content-Type" if self.deviations.only_content_type else "filetype"
        ]
        path = f"/files/upload/{key}"
        place = path if self.deviations.relative_location else str(request.url.with_path(path))
        expires = {} if self.deviations.no_expiration else {"Upload-Expires": MODIFIED}
        return web.Response(status=201, headers={"Location": place, **expires})

    async def _head(self, request: web.Request) -> web.StreamResponse:
        key = request.path.rpartition("/")[2]
        if key not in self.uploads:
            return self._error(404)
        headers = {"Upload-Offset": str(len(self.uploads[key])), "Cache-Control": "no-store"}
        if not self.deviations.head_without_length:
            headers["Upload-Length"] = str(self.lengths[key])
        # Without a lock the rest of what came before the cut is stored in these moments.
        if self.late:
            self.uploads[key] += self.late.pop(0)
        return web.Response(status=201 if self.deviations.head_201 else 200, headers=headers)

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        key = request.path.rpartition("/")[2]
        if key not in self.uploads:
            return self._error(404)
        stored, length = self.uploads[key], self.lengths[key]
        if len(stored) >= length and not self.deviations.complete_appended:
            return self._error(500 if self.deviations.complete_500 else 409)
        if int(request.headers["Upload-Offset"]) != len(stored) and not self.deviations.offset_unenforced:
            return self._error(409)
        limit, self.break_after = self.break_after, None
        if limit is not None:
            await self._break_off(request, key, limit)
            return web.Response()
        async for piece in request.content.iter_any():
            stored += piece
        if len(stored) > length and not self.deviations.body_not_cut:
            del stored[length:]
        return web.Response(status=204, headers={"Upload-Offset": str(len(stored))})

    async def _break_off(self, request: web.Request, key: str, limit: int) -> None:
        came = await request.content.readexactly(limit)
        if self.deviations.no_locking:
            half, quarter = limit // 2, limit // 4
            self.late = [came[half : half + quarter], came[half + quarter :]]
            came = came[:half]
        self.uploads[key] += came
        if self.deviations.vanished_404:
            del self.uploads[key]
        cut(request)

    # Downloads

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if suffix := re.search(r"\.(md5|sha256)$", request.path):
            return self._digest(request, suffix[1])
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405)
        content = self.content
        if self.incomplete:
            if request.method == "GET" or not self.deviations.head_of_incomplete:
                return web.Response(status=404 if self.deviations.incomplete_404 else 425)
            content = content[: len(content) // 2]
        span = self._span(request) if request.method == "GET" else None
        if span == (-1, -1):
            return web.Response(status=500)
        start, end = span or (0, len(content))
        response = web.StreamResponse(status=206 if span else 200, headers=self._headers(span))
        response.content_length = end - start
        await response.prepare(request)
        if request.method == "GET":
            limit, self.break_after = self.break_after, None
            await response.write(content[start:end][:limit])
            if limit is not None:
                await asyncio.sleep(0.05)  # so that what was sent arrives before the cut
                cut(request)
        return response

    def _span(self, request: web.Request) -> tuple[int, int] | None:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        condition = request.headers.get("If-Range")
        if match is None:
            return None
        if condition not in (None, ETAG, MODIFIED) and not (
            self.deviations.if_range_lax and condition[:1] != '"'
        ):
            return None
        last = int(match[2]) if match[2] else len(self.content) - 1
        if last < int(match[1]) and self.deviations.backwards_500:
            return -1, -1
        if last >= len(self.content) and not self.deviations.end_clamped:
            return None
        return int(match[1]), min(last, len(self.content) - 1) + 1

    def _headers(self, span: tuple[int, int] | None) -> dict[str, str]:
        chosen = self.deviations
        headers = {"Content-Type": "text/plain"}
        if span:
            headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{len(self.content)}"
        if not (span and chosen.bare_206):
            headers |= {"ETag": f"W/{ETAG}" if chosen.weak_etag else ETAG, "Accept-Ranges": "bytes"}
            if not chosen.no_disposition:
                extended = "" if chosen.plain_filename else "; filename*=UTF-8''r%C3%A9sum%C3%A9.txt"
                headers["Content-Disposition"] = f'attachment; filename="resume.txt"{extended}'
        if not chosen.no_last_modified:
            headers["Last-Modified"] = MODIFIED
        if not chosen.no_digest_header:
            digest = base64.b64encode(hashlib.sha256(self.content).digest()).decode()
            headers["Repr-Digest"] = f"sha-256=:{digest}:"
        return headers

    def _digest(self, request: web.Request, algorithm: str) -> web.StreamResponse:
        if request.method != "GET" and self.deviations.suffix_get_only:
            return web.Response(status=500)
        key = re.sub(r".*/|\.\w+$", "", request.path)
        digest = hashlib.new(algorithm, self.uploads.get(key, self.content)).hexdigest()
        return web.Response(text=digest.upper() if self.deviations.uppercase_digest else digest)
