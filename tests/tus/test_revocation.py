"""A revoked certificate ends what runs by it, within a second or so, and nothing of anybody else."""

import json
import time

import pytest

from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import DOWNLOAD, UPLOAD, Partner, new_partner
from tests.support.raw_http import ConnectionEnded

SIZE = 48 << 20


def revoke(server: KadeServer, partner: Partner) -> None:
    listed = json.loads(server.run("cert", "list", partner.user.name, "--json"))
    server.run("cert", "revoke", listed[0]["id"])


def test_running_transfers_of_the_revoked_end_and_no_others(quay: KadeServer) -> None:
    partner, other = new_partner(quay), new_partner(quay)
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, SIZE))
        assert raw_tus.patch(connection, target, 0, b"d" * SIZE).status == 204
        unfinished = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 1000))
    with partner.connect() as download, partner.connect() as upload, other.connect() as untouched:
        theirs = raw_tus.target_of(raw_tus.create(untouched, UPLOAD, 10))
        untouched.send(raw_tus.patch_head(theirs, 0, 10) + b"12345")
        upload.send(raw_tus.patch_head(unfinished, 0, 1000) + b"x" * 500)
        download.send(f"GET {target.replace(UPLOAD, DOWNLOAD)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert download.read_head().status == 200
        time.sleep(0.3)
        revoke(quay, partner)
        assert upload.read_response("PATCH").status == 423
        received = 0
        with pytest.raises((ConnectionEnded, OSError)):
            while True:
                received += len(download.read_some())
        assert received < SIZE
        untouched.send(b"67890")
        assert untouched.read_response("PATCH").status == 204
