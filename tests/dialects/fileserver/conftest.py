"""Houses for the tests of both sides."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.dialects.fileserver.house import House, running_house
from tests.support.pki import Authority, Identity

Build = Callable[[dict[str, str]], AbstractAsyncContextManager[House]]


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create("Partners' authority")


@pytest.fixture(scope="session")
def server_identity(authority: Authority) -> Identity:
    return authority.issue_server("localhost", "127.0.0.1")


@pytest.fixture
def build(tmp_path: Path, authority: Authority, server_identity: Identity) -> Build:
    """Makes a house with settings of its own."""
    return lambda settings: running_house(tmp_path, authority, server_identity, settings)


@pytest.fixture
async def house(build: Build, tmp_path: Path) -> AsyncIterator[House]:
    """A house with both shares in the test's folder."""
    shares = {"upload": tmp_path / "in", "download": tmp_path / "out"}
    for share in shares.values():
        share.mkdir()
    settings = {
        f"KADE_DIALECTS_FILESERVER_{name.upper()}_SHARE": str(share) for name, share in shares.items()
    }
    async with build(settings) as made:
        yield made
