"""A served Kade for the whole run, and a fresh partner for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.support import raw_tus
from tests.support.kade_server import KadeServer, User
from tests.support.raw_http import RawConnection, Response

UPLOAD = "/files/upload"
DOWNLOAD = "/files/download"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Partner:
    """A partner of one server, with a certificate."""

    server: KadeServer
    user: User

    def connect(self, timeout: float = 20.0) -> RawConnection:
        """A new connection as this partner."""
        return self.server.connect(self.user.identity, timeout)

    def download(self, target: str) -> Response:
        """Fetch the finished file of an upload, given the upload's target."""
        with self.connect() as connection:
            return connection.request("GET", target.replace(UPLOAD, DOWNLOAD))

    def offset(self, target: str) -> int:
        """What the server says is durable of an upload."""
        with self.connect() as connection:
            return raw_tus.offset_of(raw_tus.head(connection, target))


def new_partner(server: KadeServer) -> Partner:
    """Register a partner whose name nobody else has."""
    return Partner(server, server.register_user(f"partner{next(_numbers)}"))


@pytest.fixture(scope="session")
def quay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    """One server for all tests that do not hurt it."""
    with KadeServer(tmp_path_factory.mktemp("quay") / "data") as server:
        yield server


@pytest.fixture
def partner(quay: KadeServer) -> Partner:
    """A partner of its own for a test."""
    return new_partner(quay)
