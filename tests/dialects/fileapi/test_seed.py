"""The documentation's own requests, in its order (seed 001; slips mended as spec 1(d) says)."""

import pytest
from tests.dialects.fileapi.house import PUBLISH, SUBSCRIBE, Application, House, Right

from kade.core.clock import now

ITEM = {
    "downloaded": bool,
    "fileId": str,
    "fileName": str,
    "fileSize": int,
    "tenantId": str,
    "businessType": dict,
    "publisherId": str,
    "uploadDate": str,
}


@pytest.fixture
async def subscriber(house: House) -> Application:
    """Fresh, in the sandbox."""
    return await house.application("subscriber", in_sandbox=True)


async def test_a_new_application_finds_the_three_files_of_the_sandbox(subscriber: Application) -> None:
    answer = await subscriber.call("GET", "/files?role=subscriber")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    page = answer.json
    assert list(page) == ["data", "pageIndex", "pageSize", "count"]
    assert (page["pageIndex"], page["pageSize"], page["count"]) == (0, 20, 3)
    for item in page["data"]:
        assert {key: type(value) for key, value in item.items()} == ITEM
        assert list(item) == list(ITEM)
        assert item["businessType"] == {"id": 7101, "name": "7101"}
        assert item["tenantId"] == "sandbox"
        assert item["downloaded"] is False
    sizes = {item["fileName"]: item["fileSize"] for item in page["data"]}
    assert sizes == {
        "sandbox_test_file.xml": 107,
        "sandbox_test_file.txt": 33,
        "sandbox_test_file.csv": 76,
    }


async def test_download_by_chunks_head_and_delete(subscriber: Application) -> None:
    files = (await subscriber.listed(filter="endsWith(FileName, '.xml')")).json["data"]
    file_id = files[0]["fileId"]
    whole = await subscriber.get(file_id, headers={"Accept": "application/octet-stream"})
    assert (whole.status, len(whole.body)) == (200, 107)
    head = await subscriber.call("HEAD", f"/files/{file_id}?role=subscriber")
    assert (head.status, head.body) == (200, b"")
    assert (head.headers["Content-Length"], head.headers["Accept-Ranges"]) == ("107", "bytes")
    chunk = await subscriber.get(file_id, headers={"Range": "bytes=0-49"})
    assert (chunk.status, chunk.body) == (206, whole.body[:50])
    assert chunk.headers["Content-Length"] == "50"
    assert chunk.headers["Content-Range"] == "bytes 0-49/107"
    assert chunk.headers["Content-Disposition"] == "attachment; filename=sandbox_test_file.xml"
    beyond = await subscriber.get(file_id, headers={"Range": "bytes=107-110"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */107")
    assert beyond.json == {
        "correlationId": None,
        "message": "Range not satisfiable.",
        "errorCode": "416",
        "exception": None,
    }
    gone = await subscriber.call("DELETE", f"/files/{file_id}?role=subscriber")
    assert (gone.status, gone.body) == (204, b"")


async def test_what_is_published_is_delivered(house: House) -> None:
    publisher = await house.application("publisher", [Right("acme", 8000, PUBLISH)])
    one = await house.application("one", [Right("acme", 8000, SUBSCRIBE)])
    other = await house.application("other", [Right("acme", 8000, SUBSCRIBE)])
    before = now()
    answer = await publisher.publish("payroll.txt", 8000, b"This is a test file")
    assert answer.status == 201
    created = answer.json
    assert list(created) == ["id", "name", "size", "creationDate", "tenantId", "businessType", "numChunks"]
    assert (created["name"], created["size"], created["numChunks"]) == ("payroll.txt", 19, 1)
    assert await one.names() == await other.names() == ["payroll.txt"]
    got = await one.get(created["id"])
    assert got.body == b"This is a test file"
    assert await one.names() == []
    assert await one.names(filter="status eq 'downloaded'") == await other.names() == ["payroll.txt"]
    receipts = await house.journal("delivery.fetched")
    assert [(entry.principal_id, entry.at >= before) for entry in receipts] == [(one.principal.id, True)]
