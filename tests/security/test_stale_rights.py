"""Rights that were taken away: whatever runs on them ends within seconds, and nothing else does."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import time
from collections.abc import Callable

import pytest
from tests.support import pki, raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import DOWNLOAD, UPLOAD, Partner, new_partner
from tests.support.raw_http import ConnectionEnded, RawConnection, build_head
from tests.support.sizes import MIB

SOON = 5.0
"""Seconds within which everything must have been noticed."""


def revoke(partner: Partner) -> None:
    partner.server.run("cert", "revoke", hashlib.sha256(partner.user.identity.der).hexdigest())


def test_a_running_upload_ends_and_others_go_on(quay: KadeServer, partner: Partner) -> None:
    other = new_partner(quay)
    with partner.connect() as mine, other.connect() as theirs:
        target, going_on = (
            raw_tus.target_of(raw_tus.create(each, UPLOAD, 20_000)) for each in (mine, theirs)
        )
        for connection, path in ((mine, target), (theirs, going_on)):
            connection.send(raw_tus.patch_head(path, 0, 20_000) + b"x" * 10_000)
        revoke(partner)
        assert mine.read_response("PATCH").status == 401
        theirs.send(b"y" * 10_000)
        assert theirs.read_response("PATCH").status == 204
    assert other.download(going_on).body == b"x" * 10_000 + b"y" * 10_000


def test_a_small_upload_that_trickles_is_not_finished(partner: Partner) -> None:
    with partner.connect() as connection:
        fields = {"Tus-Resumable": "1.0.0", "Upload-Length": "12", "Content-Length": "12"}
        fields["Content-Type"] = raw_tus.OFFSET_TYPE
        connection.send(build_head("POST", UPLOAD, list(fields.items())) + b"x")
        for number in range(11):  # never a pause that is long enough to be taken for one
            time.sleep(0.2)
            connection.send(b"x")
            if number == 2:
                revoke(partner)
        assert connection.read_response("POST").status == 401
    assert partner.server.service("GET", "/files")[0] == 200
    partner.server.run("doctor")


def test_a_running_download_is_cut(partner: Partner) -> None:
    data = os.urandom(24 * MIB)
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(data)))
        assert raw_tus.patch(connection, target, 0, data).status == 204
        connection.send(build_head("GET", target.replace(UPLOAD, DOWNLOAD)))
        assert connection.read_head().status == 200
        assert received_after(connection, lambda: revoke(partner)) < len(data)


def received_after(connection: RawConnection, act: Callable[[], object]) -> int:
    """How many bytes come until the line is cut, when *act* takes the right away after the first."""
    received = len(connection.read_some())
    act()
    time.sleep(1.0)  # within which a running server knows
    with pytest.raises((ConnectionEnded, ConnectionError, ssl.SSLError)):
        while True:
            received += len(connection.read_some())
    return received


SOAP = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    b'<f:downloadFile xmlns:f="http://luin.dev/file/server/1.0"><path>%s</path></f:downloadFile>'
    b"</e:Body></e:Envelope>"
)


@pytest.mark.parametrize("face", ["REST", "SOAP"])
def test_a_running_download_of_an_application_is_cut(partner: Partner, face: str) -> None:
    server, data = partner.server, os.urandom(24 * MIB)
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(data)))
        assert raw_tus.patch(connection, target, 0, data).status == 204
    path = target.rpartition("/")[2]
    told = json.loads(server.run("key", "add", "--json"))
    fields = [("Authorization", f"Bearer {told['key']}")]
    with RawConnection.open("127.0.0.1", server.web_port) as connection:
        if face == "REST":
            connection.send(build_head("GET", f"/service/rest/v1/files/{path}", fields))
        else:
            body = SOAP % path.encode()
            fields += [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))]
            connection.send(build_head("POST", "/service/file", fields) + body)
        assert connection.read_head().status == 200
        assert received_after(connection, lambda: server.run("key", "revoke", told["id"])) < len(data)


def test_an_open_connection_is_refused_at_its_next_request(partner: Partner) -> None:
    with partner.connect() as connection:
        assert raw_tus.options(connection, UPLOAD).status == 204
        revoke(partner)
        assert raw_tus.options(connection, UPLOAD).status == 401
        assert connection.request("GET", f"{DOWNLOAD}/nothing").status == 401


def test_a_self_signed_certificate_shakes_hands_only_while_it_is_registered(quay: KadeServer) -> None:
    identity = pki.self_signed_client("alone")
    assert not shakes_hands(quay, identity)
    partner = Partner(quay, quay.register_user("alone", identity))
    assert becomes(quay, identity, True)
    revoke(partner)
    assert becomes(quay, identity, False)


def test_a_key_is_refused_at_once(quay: KadeServer) -> None:
    told = json.loads(quay.run("key", "add", "--json"))
    with RawConnection.open("127.0.0.1", quay.web_port) as connection:
        fields = [("Authorization", f"Bearer {told['key']}")]
        assert connection.request("GET", "/service/rest/v1/users", fields).status == 200
        quay.run("key", "revoke", told["id"])
        assert connection.request("GET", "/service/rest/v1/users", fields).status == 401


def shakes_hands(server: KadeServer, identity: pki.Identity) -> bool:
    try:
        with server.connect(identity) as connection:
            return raw_tus.options(connection, UPLOAD).status == 204
    except (OSError, ConnectionEnded):
        return False


def becomes(server: KadeServer, identity: pki.Identity, expected: bool) -> bool:
    deadline = time.monotonic() + SOON
    while shakes_hands(server, identity) is not expected:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
