"""Odd values in every header that is parsed: refused as what they are, never an internal error."""

from __future__ import annotations

import pytest
from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import DOWNLOAD, UPLOAD, Partner
from tests.support.raw_http import RawConnection

ENDLESS_ZONE = "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Upload-Metadata": "filename \xe9\xe9\xe9\xe9"}, b""),
        ({"Upload-Metadata": "filename \xff"}, b""),
        ({"Upload-Checksum": "sha1 \xe9\xe9\xe9\xe9"}, b"abc"),
        ({"Upload-Concat": "final;http://[x", "Upload-Length": None}, b""),
        ({"Upload-Concat": "final;//[::/files/upload/x", "Upload-Length": None}, b""),
        ({"Upload-Length": "\xb3"}, b""),
    ],
)
def test_a_creation_with_odd_headers_is_a_bad_request(
    partner: Partner, headers: dict[str, str | None], body: bytes
) -> None:
    with partner.connect() as connection:
        assert raw_tus.create(connection, UPLOAD, 3, body=body, headers=headers).status == 400
        assert raw_tus.options(connection, UPLOAD).status == 204


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("If-Modified-Since", ENDLESS_ZONE, 206),
        ("If-Unmodified-Since", ENDLESS_ZONE, 206),
        ("If-Range", ENDLESS_ZONE, 200),
        ("If-Modified-Since", "Mon, 01 Jan 0000 00:00:00 GMT", 206),
        ("If-Unmodified-Since", "\xb2", 206),
    ],
)
def test_a_condition_without_a_date_is_none(partner: Partner, field: str, value: str, status: int) -> None:
    with partner.connect() as connection:
        created = raw_tus.create(connection, UPLOAD, 3, body=b"abc")
        target = raw_tus.target_of(created).replace(UPLOAD, DOWNLOAD)
        response = connection.request("GET", target, [(field, value), ("Range", "bytes=0-1")])
    assert response.status == status


@pytest.mark.parametrize(
    "value", ["Basic \xe9\xe9\xe9\xe9", "Basic", "Basic /w==", "Bearer \xff", "Bearer", "\xe9", "Digest x"]
)
def test_an_odd_proof_is_an_unknown_one(quay: KadeServer, value: str) -> None:
    with RawConnection.open("127.0.0.1", quay.web_port) as connection:
        fields = [("Authorization", value)]
        assert connection.request("GET", "/service/rest/v1/users", fields).status == 401
