"""What the File Client fetches from and sends to a file server (spec 2.1, 2.4, 2.5)."""

import hashlib

import pytest
from tests.dialects.fileclient.conftest import Quays


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest().upper()


def some(size: int) -> bytes:
    return bytes(range(256)) * (size // 256) + bytes(size % 256)


@pytest.mark.parametrize("size", [0, 1, 16 << 10, 3_000_001])
async def test_a_file_is_fetched(quays: Quays, size: int) -> None:
    data = some(size)
    path = (await quays.server.upload(quays.partner.id, data, "year report.pdf")).text
    url = f"{quays.server.exchange}/download/{path}"
    task = await quays.client.fetch(url)
    assert (task["url"], task["status"], task["retries"]) == (url, "CREATED", 0)
    done = await quays.client.over("download", task["fileId"])
    assert (done["status"], done["state"], done["bytes"]) == ("SUCCEEDED", "succeeded", size), done
    assert await quays.client.file(task["fileId"]) == data
    told = (await quays.client.call("GET", f"/files/{task['fileId']}/info")).json
    assert (told["name"], told["length"], told["url"]) == ("year report.pdf", size, url)
    assert (told["sha256Checksum"], told["completed"]) == (sha256(data), True)
    assert told["md5Checksum"] == hashlib.md5(data, usedforsecurity=False).hexdigest().upper()


@pytest.mark.parametrize("size", [0, 1, 16 << 10, 3_000_001])
async def test_a_file_is_sent(quays: Quays, size: int) -> None:
    data = some(size)
    task = await quays.client.send(f"{quays.server.exchange}/upload", data, "naïve plan.txt")
    done = await quays.client.over("upload", task["fileId"])
    assert (done["status"], done["bytes"], done.get("lastError")) == ("SUCCEEDED", size, None), done
    [path] = (await quays.server.call("GET", "/files")).json
    told = (await quays.server.call("GET", f"/files/{path}/info")).json
    assert (told["name"], told["sha256Checksum"]) == ("naïve plan.txt", sha256(data))
    ours = (await quays.client.call("GET", f"/files/{task['fileId']}/info")).json
    assert ours["url"] == f"{quays.server.exchange}/upload/{path}"
