"""Downloads from servers that cut, change their minds and lie."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from aiohttp import web
from tests.client.servers import FileServer, running

from kade.client import RemotePeer, Retry, TransferError
from kade.client.download import remote_name
from kade.client.files import Fetched
from kade.client.files import fetch as download
from kade.client.part_file import PartFile

SIZE = 2_000_003
CONTENT = hashlib.shake_256(b"content").digest(SIZE)
OTHER = hashlib.shake_256(b"other").digest(SIZE)
QUICK = Retry(attempts=4, first=0.01, longest=0.05, stall=5.0)
HEX = hashlib.sha256(CONTENT).hexdigest()


async def fetch(server: FileServer, target: Path, retry: Retry = QUICK) -> Fetched:
    async with running(server) as base, RemotePeer(base, retry=retry) as peer:
        return await download(peer, f"{base}/files/download/abc", target)


async def fetch_twice(server: FileServer, target: Path) -> Fetched:
    """One run that breaks off, and another."""
    async with running(server) as base:
        url = f"{base}/files/download/abc"
        async with RemotePeer(base, retry=Retry(attempts=1)) as peer:
            with pytest.raises(TransferError):
                await download(peer, url, target)
        assert not there(target)
        async with RemotePeer(base, retry=QUICK) as peer:
            return await download(peer, url, target)


def there(path: Path) -> bool:
    return path.exists()


def only(target: Path, content: bytes) -> None:
    """The folder holds the file with this content, and nothing else."""
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert target.read_bytes() == content


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file.bin"


@pytest.mark.parametrize("content", [CONTENT, b""], ids=["large", "empty"])
@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
async def test_a_file_comes_whole(content: bytes, length: bool, target: Path) -> None:
    server = FileServer(content, length=length)
    assert await fetch(server, target) == Fetched(target, len(content), None)
    only(target, content)
    assert server.log == [("GET", "", "")]


async def test_a_cut_download_goes_on_by_range(target: Path) -> None:
    server = FileServer(CONTENT, cut_after=[700_000, 600_000])
    await fetch(server, target)
    only(target, CONTENT)
    assert server.log == [
        ("GET", "", ""),
        ("GET", "bytes=700000-", '"one"'),
        ("GET", "bytes=1300000-", '"one"'),
    ]
    assert server.sent == SIZE


async def test_a_later_run_goes_on_where_the_first_stopped(target: Path) -> None:
    server = FileServer(CONTENT, cut_after=[700_000])
    await fetch_twice(server, target)
    only(target, CONTENT)
    assert server.sent == SIZE


@pytest.mark.parametrize("etag", [None, 'W/"one"', "one"])
async def test_without_a_strong_etag_it_begins_again(etag: str | None, target: Path) -> None:
    server = FileServer(CONTENT, etag=etag, cut_after=[700_000])
    await fetch(server, target)
    only(target, CONTENT)
    assert server.log == [("GET", "", "")] * 2


async def test_a_200_to_a_range_begins_again(target: Path) -> None:
    server = FileServer(CONTENT, ranges=False, cut_after=[700_000])
    await fetch(server, target)
    only(target, CONTENT)
    assert server.sent == SIZE + 700_000


async def test_a_changed_etag_begins_again(target: Path) -> None:
    server = FileServer(CONTENT, cut_after=[700_000], swap=(OTHER, '"two"'))
    await fetch_twice(server, target)
    only(target, OTHER)


@pytest.mark.parametrize("other", [OTHER, OTHER + b"!", OTHER[:100]], ids=["same size", "longer", "shorter"])
async def test_a_server_that_ignores_if_range_mixes_nothing(other: bytes, target: Path) -> None:
    server = FileServer(CONTENT, cut_after=[700_000], swap=(other, '"two"'), ignore_if_range=True)
    await fetch(server, target)
    only(target, other)


async def test_a_range_other_than_asked_for_is_not_written(target: Path) -> None:
    server = FileServer(CONTENT, cut_after=[700_000], wrong_range_start=True)
    await fetch(server, target)
    only(target, CONTENT)
    assert [range_ for _, range_, _ in server.log] == ["", "bytes=700000-", ""]


async def test_a_server_that_never_sends_the_right_range_is_left_alone(target: Path) -> None:
    server = FileServer(CONTENT, cut_after=[700_000] * 20, wrong_range_start=True)
    with pytest.raises(TransferError, match="another range than asked for, again and again"):
        await fetch(server, target)
    assert list(target.parent.iterdir()) == []


async def test_a_cut_chunked_download_is_not_taken_for_whole(target: Path) -> None:
    server = FileServer(CONTENT, length=False, cut_after=[700_000])
    await fetch(server, target)
    only(target, CONTENT)


@pytest.mark.parametrize(
    "server",
    [
        FileServer(CONTENT, repr_digest=CONTENT),
        FileServer(CONTENT, sha256_of=CONTENT),
        FileServer(CONTENT, repr_digest=CONTENT, cut_after=[5]),
        FileServer(CONTENT, repr_digest=CONTENT, etag=None, cut_after=[5]),
    ],
    ids=["Repr-Digest", ".sha256", "Repr-Digest after a cut", "Repr-Digest after a restart"],
)
async def test_the_digest_is_compared_where_one_is_offered(server: FileServer, target: Path) -> None:
    assert (await fetch(server, target)).sha256 == HEX
    only(target, CONTENT)


@pytest.mark.parametrize(
    "server",
    [FileServer(CONTENT, repr_digest=OTHER), FileServer(CONTENT, sha256_of=OTHER)],
    ids=["Repr-Digest", ".sha256"],
)
async def test_bytes_with_a_wrong_digest_are_dropped(server: FileServer, target: Path) -> None:
    with pytest.raises(TransferError, match=f"the bytes that came have SHA-256 {HEX}"):
        await fetch(server, target)
    assert list(target.parent.iterdir()) == []


async def test_what_passes_is_waited_for(target: Path) -> None:
    server = FileServer(CONTENT, statuses=[503, 429, 500])
    await fetch(server, target)
    only(target, CONTENT)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not know"), (404, "nothing there"), (403, "not allow")]
)
async def test_what_does_not_pass_ends_it_and_leaves_nothing(status: int, words: str, target: Path) -> None:
    server = FileServer(CONTENT, statuses=[status])
    with pytest.raises(TransferError, match=words) as caught:
        await fetch(server, target)
    assert caught.value.status == status
    assert list(target.parent.iterdir()) == []
    assert len(server.log) == 1


async def test_two_downloads_do_not_write_one_part(target: Path) -> None:
    with PartFile(target) as part:
        part.append(b"mine")
        with pytest.raises(TransferError, match="another download is writing it"):
            await fetch(FileServer(CONTENT), target)
    assert part.path.read_bytes() == b"mine"


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match=r"none/file\.part: No such file"):
        await fetch(FileServer(CONTENT), tmp_path / "none" / "file")


async def test_the_bearer_key_goes_to_its_own_server_alone(target: Path) -> None:
    server, stranger = FileServer(b"1"), FileServer(b"2")
    async with running(server) as base, running(stranger) as elsewhere:
        async with RemotePeer(base, bearer="key", retry=QUICK) as peer:
            await download(peer, f"{base}/a", target)
            await download(peer, f"{elsewhere}/a", target)
    assert server.authorization == ["Bearer key"]
    assert stranger.authorization == [None]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="jaarverslag 2024.pdf"', "jaarverslag 2024.pdf"),
        ("attachment; filename=\"x\"; filename*=UTF-8''%e2%82%ac.txt", "€.txt"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\a.txt"', "a.txt"),
        ('attachment; filename=".bashrc"', "bashrc"),
        ('attachment; filename=".."', "abc"),
        ("attachment", "abc"),
        (None, "abc"),
    ],
)
async def test_the_name_of_a_file_stays_in_its_folder(disposition: str | None, name: str) -> None:
    server = FileServer(CONTENT, disposition=disposition)
    async with running(server) as base, RemotePeer(base) as peer:
        assert await remote_name(peer, f"{base}/files/abc?x=1") == name


async def test_a_server_without_head_has_the_name_of_the_url() -> None:
    async with running(FileServer(CONTENT, head=False)) as base, RemotePeer(base) as peer:
        assert await remote_name(peer, f"{base}/files/a%20b.txt") == "a b.txt"
        assert await remote_name(peer, base) == "download"


@pytest.mark.parametrize("url", ["", "localhost:8443/x", "/x", "ftp://host/x", "https://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(TransferError):
        RemotePeer(url)


async def test_a_form_around_the_file_is_not_taken_for_the_file(target: Path) -> None:
    async def form(_request: web.Request) -> web.Response:
        return web.Response(body=b"--x\r\n\r\n1\r\n--x--", content_type="multipart/form-data")

    async with running(form) as base, RemotePeer(base, retry=QUICK) as peer:
        with pytest.raises(TransferError, match=r"form around the file; ask for …/download/PATH"):
            await download(peer, f"{base}/service/rest/v1/files/abc", target)
    assert not there(target)
