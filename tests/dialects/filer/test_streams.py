"""Files and what is in them, byte for byte; large ones, and clients that go away."""

from __future__ import annotations

import base64
import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.dialects.filer.house import House, make_example, unc
from tests.dialects.filer.test_shapes import MAIL
from tests.support.extraction import FILES
from tests.support.processes import peak_resident_bytes, reset_peak

LARGE = 64 << 20
GROUP = {"FileGroup": "Example group"}


def at(*names: str) -> dict[str, str]:
    return {"FilePath": unc("GOFSERV001", "directory", *names), **GROUP}


def temporary() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("kade-*"))


@pytest.fixture
async def large(house: House) -> House:
    await make_example(house)
    with (house.files / "GOFSERV001" / "directory" / "large.bin").open("wb") as file:
        for number in range(LARGE >> 20):
            file.write(number.to_bytes(4, "big") * (1 << 18))
        file.write(b"end")
    await house.walk()
    return house


async def test_a_large_file_with_flat_memory(large: House) -> None:
    """The client reads piece by piece, too: they are one process here."""
    client = await large.client().begin()
    query = {**client.signed(at("large.bin"))}
    reset_peak(os.getpid())
    before = peak_resident_bytes(os.getpid())
    rest, size, checked = b"", 0, 0
    async with large.session.get(large.base + "/File/Download/", params=query) as response:
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        length = int(response.headers["Content-Length"])
        head = await response.content.readuntil(b'"Base64":"')
        size += len(head)
        async for data in response.content.iter_chunked(1 << 16):
            size += len(data)
            text = rest + data.partition(b'"')[0]
            whole = len(text) - len(text) % 4
            for_check, rest = base64.b64decode(text[:whole]), text[whole:]
            for offset in range(-checked % 4, len(for_check) - 3, 1 << 14):
                place = checked + offset
                if place < LARGE:
                    expected = (place >> 20).to_bytes(4, "big")
                    assert for_check[offset : offset + 4] == expected, place
            checked += len(for_check)
    assert (size, checked, rest) == (length, LARGE + 3, b"")
    assert peak_resident_bytes(os.getpid()) - before < 24 << 20


async def test_a_client_that_goes_away_leaves_nothing_behind(large: House) -> None:
    client = await large.client().begin()
    before = temporary()
    for _ in range(5):
        query = client.signed(at("large.bin"))
        response = await large.session.get(large.base + "/File/Download/", params=query)
        await response.content.readexactly(100_000)
        response.close()
        # The handshake that it never read to the end is the successor of the one that it has.
        assert (await client.call("GET", "/File/List/Changes/", MinuteWindow=1)).code is None
    assert temporary() <= before
    assert await client.names("Filer") == ["example.txt"]


async def test_what_is_in_files_byte_for_byte(house: House) -> None:
    await make_example(house)
    document = (FILES / "verslag.docx").read_bytes()
    inner = zipfile.ZipFile(io.BytesIO(document)).read("word/media/image1.png")
    large = bytes(range(256)) * 20_000
    letter = MAIL.replace(b"iVBORw0KGgo=", base64.encodebytes(large))
    house.put("GOFSERV001/directory/verslag.docx", document)
    house.put("GOFSERV001/directory/letter.eml", letter)
    house.put("GOFSERV001/directory/empty.txt", b"")
    house.put("GOFSERV001/directory/one.bin", b"\0")
    await house.walk()
    client = await house.client().begin()
    before = temporary()

    async def files(name: str, *wanted: str, path: str = "/File/Download/Attachments/") -> Any:
        answer = await client.call("GET", path, **at(name), AttachmentNames=wanted)
        found = answer.json["Attachments"]
        for each in found.values():
            assert each["Dimension"] == {"Size": len(base64.b64decode(each["Base64"])), "Type": "B"}
        return {name: base64.b64decode(each["Base64"]) for name, each in found.items()}, answer.warnings

    assert await files("verslag.docx", "image1.png") == ({"image1.png": inner}, [])
    assert await files("letter.eml", "none", "Filer.png") == ({"Filer.png": large}, [3])
    assert (await files("letter.eml", "Filer.png", path="/File/Download/"))[0] == {"Filer.png": large}
    for name, content in (("letter.eml", letter), ("verslag.docx", document), ("empty.txt", b""),
                          ("one.bin", b"\0")):  # fmt: skip
        told = (await client.done("GET", "/File/Download/", **at(name)))["File"]
        assert told["Dimension"] == {"Size": len(content), "Type": "B"}
        assert base64.b64decode(told["Base64"], validate=True) == content
    assert temporary() <= before
    read = [each.kind for each in await house.journal("file.read")]
    assert read.count("file.read") == 7, read
