"""The file share in both directions (spec 1.8), and everything that tries to get out of it."""

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import House

from kade.core.errors import FileReason, KadeError
from kade.web import share

UNEXPECTED = b'"A unexpected error occurred!"'


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def put(house: House, name: str, **members: object) -> tuple[int, str]:
    answer = await house.call("POST", "/files/fs/user/0", json={"name": name, **members})
    return answer.status, answer.text


@pytest.mark.parametrize("size", [0, 5, 700_000])
async def test_a_file_of_the_share_goes_to_a_user_and_back(house: House, tmp_path: Path, size: int) -> None:
    partner = await house.partner("partner")
    data = b"x" * size
    sha256 = hashlib.sha256(data).hexdigest().upper()
    (tmp_path / "in" / "deep").mkdir()
    (tmp_path / "in" / "deep" / "page.html").write_bytes(data)
    frame = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2036-01-01T00:00:00Z"}
    status, path = await put(house, "deep/page.html", sha256Checksum=sha256, **frame)
    assert status == 200
    assert (await house.download(partner, path)).body == data
    told = (await house.call("GET", f"/files/{path}/info")).json
    assert (told["name"], told["contentType"], told["length"]) == ("page.html", "text/html", size)
    assert (told["startDate"], told["endDate"]) == ("2026-01-01T00:00:00.000Z", "2036-01-01T00:00:00.000Z")
    (tmp_path / "out" / "copy.bin").write_bytes(b"older and longer" * 100_000)
    answer = await house.call("GET", f"/files/fs/{path}/copy.bin")
    assert (answer.status, answer.text) == (200, sha256)
    assert (tmp_path / "out" / "copy.bin").read_bytes() == data
    assert names_in(tmp_path / "out") == ["copy.bin"]
    assert (tmp_path / "in" / "deep" / "page.html").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "..",
        ".",
        "",
        "/etc/passwd",
        "deep/../../secret",
        "deep//x",
        "a\\b",
        "..\\secret",
        "a\x00b",
        "link",
        "linked/secret",
        "linked/../secret",
    ],
)
async def test_nothing_outside_of_the_share_is_read(house: House, tmp_path: Path, name: str) -> None:
    await house.partner("partner")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in" / "deep").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "linked").symlink_to(tmp_path)
    status, _ = await put(house, name)
    assert status in (404, 500)
    assert (await house.call("GET", "/files")).json == []


async def test_what_is_no_file_is_not_found(house: House, tmp_path: Path) -> None:
    await house.partner("partner")
    (tmp_path / "in" / "folder").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe")
    for name in ("missing", "missing/too", "folder", "pipe", "pipe/x"):
        assert await put(house, name) == (404, ""), name


async def test_a_wrong_checksum_or_member_leaves_nothing(house: House, tmp_path: Path) -> None:
    await house.partner("partner")
    (tmp_path / "in" / "a").write_bytes(b"a")
    for members in (
        {"sha256Checksum": "A" * 64},
        {"sha256Checksum": "A"},
        {"startDate": "soon"},
        {"startDate": 5},
        {"unknown": 1},
    ):
        assert await put(house, "a", **members) == (500, UNEXPECTED.decode()), members
    assert await put(house, "a", sha256Checksum=None) != (500, UNEXPECTED.decode())
    answer = await house.call("POST", "/files/fs/user/9", json={"name": "a"})
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("name", ["..%2fx", "%2e%2e", "%2fetc", "..%5cx", "a%00b", "%0d%0aa", "."])
async def test_nothing_outside_of_the_share_is_written(house: House, tmp_path: Path, name: str) -> None:
    await house.partner("partner")
    path = (await house.upload(0, b"x")).text
    before = names_in(tmp_path)
    answer = await house.call("GET", f"/files/fs/{path}/{name}")
    assert answer.status in (404, 500)
    assert names_in(tmp_path) == before
    assert names_in(tmp_path / "out") == []


async def test_a_link_is_replaced_and_not_followed(house: House, tmp_path: Path) -> None:
    await house.partner("partner")
    path = (await house.upload(0, b"new")).text
    (tmp_path / "victim").write_bytes(b"victim")
    (tmp_path / "out" / "name").symlink_to(tmp_path / "victim")
    assert (await house.call("GET", f"/files/fs/{path}/name")).status == 200
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert not (tmp_path / "out" / "name").is_symlink()


async def test_an_error_of_the_copy_is_told(house: House, tmp_path: Path) -> None:
    await house.partner("partner")
    path = (await house.upload(0, b"new")).text
    (tmp_path / "out" / "folder").mkdir()
    answer = await house.call("GET", f"/files/fs/{path}/folder")
    assert (answer.status, answer.body) == (503, UNEXPECTED)
    assert names_in(tmp_path / "out") == ["folder"]
    assert (await house.call("GET", "/files/fs/unknown/x")).status == 404
    assert (await house.call("HEAD", f"/files/fs/{path}/x")).status == 405


async def test_bytes_that_are_not_those_of_the_digest_do_not_appear(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"other"

    with pytest.raises(KadeError) as refused:
        await share.hand_over(tmp_path, "a", pieces(), hashlib.sha256(b"bytes").hexdigest())
    assert refused.value.reason is FileReason.CHECKSUM_MISMATCH
    assert names_in(tmp_path) == []


async def test_without_a_share_there_is_none(build: Build) -> None:
    async with build({}) as house:
        await house.partner("partner")
        path = (await house.upload(0, b"x")).text
        assert (await put(house, "a"))[0] == 503
        assert (await house.call("GET", f"/files/fs/{path}/a")).status == 503
