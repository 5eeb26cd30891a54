"""Each deviation of upstream (file-service.md 1.5, 1.6): we cope, and do something else because of it.

A deviation in the second half of a table cannot make a difference to a client that keeps to the standards;
its reason stands beside it, and the test shows that the same was asked as of a strict server.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.client.servers import running
from tests.support.upstream import ETAG, Deviations, Upstream

from kade.client import RemotePeer, Retry, TransferError
from kade.client.download import download, remote_name
from kade.client.files import send
from kade.client.ports import NOTHING, Offered, Representation
from kade.client.upload_states import UploadStates

CONTENT = hashlib.shake_256(b"upstream").digest(300_000)
CUT = 100_000
QUICK = Retry(attempts=4, first=0.01, longest=0.05, stall=5.0, answer=5.0)


class Memory:
    """Implements ``ports.Landing`` in memory."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.state = NOTHING
        self.offered: list[Offered] = []

    @property
    def offset(self) -> int:
        return len(self.bytes)

    async def restart(self, state: Representation, offered: Offered) -> None:
        self.bytes.clear()
        self.state = state
        self.offered.append(offered)

    async def receive(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self.bytes += piece

    async def digest(self, algorithm: str) -> str:
        return hashlib.new(algorithm, self.bytes).hexdigest()

    async def discard(self) -> None:
        self.bytes.clear()
        self.state = NOTHING


async def sent(deviations: Deviations, folder: Path) -> Upstream:
    """An upload that is cut once."""
    server = Upstream(CONTENT, deviations, break_after=CUT)
    file = folder / "rapport.pdf"
    file.write_bytes(CONTENT)
    async with running(server) as base, RemotePeer(base, retry=QUICK) as peer:
        await send(peer, f"{base}/files/upload", file, states=UploadStates(folder / "states"))
    return server


def whole(server: Upstream) -> None:
    """The last upload that was made is complete, and has name and type."""
    assert bytes(list(server.uploads.values())[-1]) == CONTENT
    assert server.metadata["filename"] == "rapport.pdf"
    assert server.metadata["type"] == "application/pdf"


HEAD, PATCH = ("HEAD", "upload/u0", "", "", ""), ("PATCH", "upload/u0")
STRICT_UPLOAD: list[tuple[str, ...]] = [
    ("POST", "upload", "", "", ""),
    (*PATCH, "0", "", ""),
    HEAD,
    (*PATCH, str(CUT), "", ""),
    ("GET", "download/u0.sha256", "", "", ""),
]


async def test_a_strict_server_is_asked_this_to_send_a_file(tmp_path: Path) -> None:
    server = await sent(Deviations(), tmp_path)
    whole(server)
    assert server.trace == STRICT_UPLOAD


UPLOADS: dict[str, list[tuple[str, ...]]] = {
    # It shows no sign of locks: its offset counts only when it stands still.
    "head_201": [*STRICT_UPLOAD[:2], HEAD, *STRICT_UPLOAD[2:]],
    "head_without_length": [*STRICT_UPLOAD[:2], HEAD, *STRICT_UPLOAD[2:]],
    # The upload is made again.
    "vanished_404": [
        *STRICT_UPLOAD[:3],
        STRICT_UPLOAD[0],
        ("PATCH", "upload/u1", "0", "", ""),
        ("GET", "download/u1.sha256", "", "", ""),
    ],
    # An offset moves on behind our back: the PATCH is refused, and the offset asked for until it fits.
    "no_locking": [
        *STRICT_UPLOAD[:3],
        (*PATCH, str(CUT // 2), "", ""),
        HEAD,
        (*PATCH, str(CUT * 3 // 4), "", ""),
        HEAD,
        (*PATCH, str(CUT), "", ""),
        STRICT_UPLOAD[-1],
    ],
}
SAME_UPLOADS = {
    "extension_create": "we never ask OPTIONS: uploads are what the address is for",
    "options_500": "we never ask OPTIONS",
    "relative_location": "resolved against the URL asked (RFC 9110, 10.2.2) it is the same",
    "offset_unenforced": "each PATCH that goes on comes after a HEAD, so the offset is never wrong",
    "body_not_cut": "no body is longer than what is missing",
    "complete_500": "a complete upload gets no PATCH, not even an empty one",
    "complete_appended": "a complete upload gets no PATCH, not even an empty one",
    "deferred_500": "the length of what we send is known from the beginning",
    "no_expiration": "whether an upload is still there is what HEAD says",
    "only_content_type": "metadata has both keys",
    "errors_without_tus": "of an error the status alone counts",
    "methods_500": "only methods of tus are used",
    "uppercase_digest": "hex is compared without case",
}


@pytest.mark.parametrize("switch", UPLOADS)
async def test_an_upload_copes_and_does_something_else(switch: str, tmp_path: Path) -> None:
    server = await sent(Deviations(**{switch: True}), tmp_path)
    whole(server)
    assert server.trace != STRICT_UPLOAD
    assert server.trace == UPLOADS[switch]


@pytest.mark.parametrize("switch", SAME_UPLOADS)
async def test_an_upload_need_not_mind(switch: str, tmp_path: Path) -> None:
    server = await sent(Deviations(**{switch: True}), tmp_path)
    whole(server)
    assert server.trace == STRICT_UPLOAD, SAME_UPLOADS[switch]


async def test_without_locks_and_without_offsets_no_byte_is_there_twice(tmp_path: Path) -> None:
    """Deviations 1 and 5 together, as upstream has them: nobody refuses what is sent too early."""
    deviations = Deviations(offset_unenforced=True, no_locking=True, head_201=True, body_not_cut=True)
    server = await sent(deviations, tmp_path)
    whole(server)
    assert server.trace.count(HEAD) > 2
    assert [entry for entry in server.trace if entry[0] == "PATCH"] == [
        (*PATCH, "0", "", ""),
        (*PATCH, str(CUT), "", ""),
    ]


class Doubling(Upstream):
    """Stores what comes with the first PATCH twice, as after a connection that was given up too early."""

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._patch(request)
        if request.path.endswith("u0"):
            self.uploads["u0"] *= 2
            answer.headers["Upload-Offset"] = str(len(self.uploads["u0"]))
        return answer


async def test_an_upload_that_has_too_much_is_made_again(tmp_path: Path) -> None:
    server, file = Doubling(CONTENT), tmp_path / "rapport.pdf"
    file.write_bytes(CONTENT)
    async with running(server) as base, RemotePeer(base, retry=QUICK) as peer:
        done = await send(peer, f"{base}/files/upload", file, states=UploadStates(tmp_path / "states"))
    whole(server)
    assert done.url.endswith("/u1")
    assert [entry[0] for entry in server.trace] == ["POST", "PATCH", "POST", "PATCH", "GET"]


async def fetched(deviations: Deviations) -> tuple[Upstream, Memory]:
    """A download that is cut once."""
    server, landing = Upstream(CONTENT, deviations, break_after=CUT), Memory()
    async with running(server) as base, RemotePeer(base, retry=QUICK) as peer:
        done = await download(peer, f"{base}/files/download/abc", landing)
    assert bytes(landing.bytes) == CONTENT
    assert done.digests == {"sha256": hashlib.sha256(CONTENT).hexdigest()}
    return server, landing


STRICT_DOWNLOAD: list[tuple[str, ...]] = [
    ("GET", "download/abc", "", "", ""),
    ("GET", "download/abc", "", f"bytes={CUT}-", ETAG),
]
STRICT_OFFER = Offered("résumé.txt", "text/plain")


async def test_a_strict_server_is_asked_this_for_a_file() -> None:
    server, landing = await fetched(Deviations())
    assert server.trace == STRICT_DOWNLOAD
    assert landing.offered == [STRICT_OFFER]


DOWNLOADS: dict[str, tuple[list[tuple[str, ...]], Offered]] = {
    # The digest beside the file is asked for.
    "no_digest_header": ([*STRICT_DOWNLOAD, ("GET", "download/abc.sha256", "", "", "")], STRICT_OFFER),
    # Another name is taken.
    "plain_filename": (STRICT_DOWNLOAD, Offered("resume.txt", "text/plain")),
    "no_disposition": (STRICT_DOWNLOAD, Offered("abc", "text/plain")),
    # A date that is old enough stands in; with that missing too it begins again.
    "weak_etag": (
        [STRICT_DOWNLOAD[0], (*STRICT_DOWNLOAD[1][:4], "Tue, 02 Jan 2024 03:04:05 GMT")],
        STRICT_OFFER,
    ),
}
SAME_DOWNLOADS = {
    "no_last_modified": "the strong ETag is the better validator",
    "bare_206": "what the answer would say is known from the 200, and If-Range has confirmed it",
    "if_range_lax": "If-Range has strong ETags and dates only",
    "backwards_500": "ranges are open: bytes=a-",
    "end_clamped": "ranges are open: bytes=a-",
    "suffix_get_only": "digests are asked for by GET",
    "uppercase_digest": "hex is compared without case",
    "if_match_ignored": "If-Range does it in one request less",
    "incomplete_404": "it is about files that are not there yet",
    "head_of_incomplete": "sizes are those of GET",
}


@pytest.mark.parametrize("switch", DOWNLOADS)
async def test_a_download_copes_and_does_something_else(switch: str) -> None:
    server, landing = await fetched(Deviations(**{switch: True}))
    trace, offer = DOWNLOADS[switch]
    assert (trace, offer) != (STRICT_DOWNLOAD, STRICT_OFFER)
    assert server.trace == trace
    assert set(landing.offered) == {offer}


@pytest.mark.parametrize("switch", SAME_DOWNLOADS)
async def test_a_download_need_not_mind(switch: str) -> None:
    server, landing = await fetched(Deviations(**{switch: True}))
    assert server.trace == STRICT_DOWNLOAD, SAME_DOWNLOADS[switch]
    assert landing.offered == [STRICT_OFFER]


async def test_a_weak_etag_is_never_sent_to_a_server_that_would_take_it() -> None:
    server, _ = await fetched(Deviations(weak_etag=True, no_last_modified=True, if_range_lax=True))
    assert server.trace == [STRICT_DOWNLOAD[0]] * 2


async def refused(server: Upstream) -> TransferError:
    async with running(server) as base, RemotePeer(base, retry=QUICK) as peer:
        url = f"{base}/files/download/abc"
        with pytest.raises(TransferError) as caught:
            await remote_name(peer, url)
            await download(peer, url, Memory())
    return caught.value


async def test_a_size_that_head_tells_of_an_unfinished_file_is_not_believed() -> None:
    """The strict server has nothing to say of it; upstream's 200 is followed by a 404."""
    strict, lax = (
        Upstream(CONTENT, Deviations(incomplete_404=True), incomplete=True),
        Upstream(CONTENT, Deviations(head_of_incomplete=True, incomplete_404=True), incomplete=True),
    )
    assert (await refused(lax)).status == 404
    assert not (await refused(lax)).permanent
    assert [entry[0] for entry in lax.trace] == ["HEAD", "GET"] * 2
    await refused(strict)
    assert {entry[0] for entry in strict.trace} == {"HEAD"}


async def test_an_unfinished_file_is_tried_later_and_not_at_once() -> None:
    """404 says "not yet", which a later run may find mended; 425 says when, and is waited for."""
    upstream = Upstream(CONTENT, Deviations(incomplete_404=True, head_of_incomplete=True), incomplete=True)
    assert not (await refused(upstream)).permanent
    assert len(upstream.trace) == 2
    strict = Upstream(CONTENT, Deviations(head_of_incomplete=True), incomplete=True)
    assert not (await refused(strict)).permanent
    assert len(strict.trace) == 1 + QUICK.attempts


async def test_an_unknown_certificate_may_become_known() -> None:
    """403 of the standard (GB010) is for good, upstream's 401 is not."""
    assert (await refused(Upstream(CONTENT, stranger=True))).permanent
    lax = Upstream(CONTENT, Deviations(unknown_certificate_401=True), stranger=True)
    assert not (await refused(lax)).permanent


def test_every_switch_is_in_a_table() -> None:
    elsewhere = {"unknown_certificate_401"}
    tables: list[dict[str, Any]] = [UPLOADS, SAME_UPLOADS, DOWNLOADS, SAME_DOWNLOADS]
    told = {switch for table in tables for switch in table}
    assert told | elsewhere == {each.name for each in dataclasses.fields(Deviations)}


async def test_with_all_of_them_at_once_files_come_and_go(tmp_path: Path) -> None:
    """The server as it is, of both versions."""
    others = ("vanished_404", "incomplete_404", "weak_etag", "complete_appended")
    names = [each.name for each in dataclasses.fields(Deviations) if each.name not in others]
    upstream = Deviations(**dict.fromkeys(names, True))
    whole(await sent(upstream, tmp_path))
    await fetched(upstream)
