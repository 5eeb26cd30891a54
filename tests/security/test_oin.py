"""An OIN counts only in a certificate of the configured authority, whatever a handshake lets through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.security.test_stale_rights import becomes
from tests.support import pki, raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import UPLOAD

from kade.auth.authority import Issued, create_authority, issue_client

OIN = "00000001234567890000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    folder: Path = tmp_path_factory.mktemp("oin") / "data"
    with KadeServer(folder, environment={"KADE_DIALECTS_FILESERVER_MATCH_OIN": "true"}) as made:
        yield made


def identity(issued: Issued, *chain: Issued) -> pki.Identity:
    return pki.Identity(issued.certificate, issued.key, tuple(each.certificate for each in chain))


def test_a_registered_certificate_cannot_vouch_for_the_number_of_another(server: KadeServer) -> None:
    house = Issued(server.authority.identity.certificate, server.authority.identity.key)
    server.run("user", "add", "minister", "--oin", OIN)
    # A partner registers a certificate of its own that may sign others, and signs one with that number.
    own = create_authority("Partner's own")
    server.register_user("forger", identity(own))
    assert becomes(server, identity(own), True)
    with server.connect(identity(issue_client(own, "minister", oin=OIN), own)) as connection:
        assert raw_tus.create(connection, UPLOAD, 1).status == 401
    with server.connect(identity(issue_client(house, "renewed", oin=OIN))) as connection:
        assert raw_tus.create(connection, UPLOAD, 1).status == 201
