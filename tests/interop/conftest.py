"""What every interop test starts from: a partner, the partner's files, and something to send."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.pki import IdentityFiles
from tests.support.quay import DOWNLOAD, UPLOAD, Partner
from tests.support.sizes import sizes


@dataclass(frozen=True)
class Desk:
    """A partner's desk: certificate files, the authority's file, and URLs."""

    partner: Partner
    files: IdentityFiles
    authority: Path

    @property
    def upload_url(self) -> str:
        return f"{self.partner.server.exchange_url}{UPLOAD}"

    def download_url(self, upload_url: str) -> str:
        """Where the file of a finished upload is fetched."""
        return upload_url.replace(UPLOAD, DOWNLOAD)

    def fetched_sha256(self, upload_url: str) -> str:
        """The server's own digest of a finished upload, in lower case."""
        path = upload_url.rpartition("/")[2]
        with self.partner.connect() as connection:
            response = connection.request("GET", f"{DOWNLOAD}/{path}.sha256")
        assert response.status == 200, response
        return response.body.decode().lower()


@pytest.fixture
def desk(partner: Partner, tmp_path: Path) -> Desk:
    files = partner.user.identity.write(tmp_path, "partner")
    return Desk(partner, files, partner.server.folder / "pki" / "ca.crt")


@pytest.fixture(scope="session")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of the run's size, whose bytes never repeat within a piece, and its SHA-256."""
    path = tmp_path_factory.mktemp("big") / "big file.bin"
    digest = hashlib.sha256()
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(sizes.body >> 20):
            piece = number.to_bytes(8, "big") + block[8:]
            file.write(piece)
            digest.update(piece)
    return path, digest.hexdigest()
