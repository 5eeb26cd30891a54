"""A File Client beside a file server of another organisation, whose partner it is."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.dialects.fileclient.house import ClientHouse, destination, environment, running_client
from tests.dialects.fileserver.conftest import Build, authority, build, house, server_identity
from tests.dialects.fileserver.house import House, Partner
from tests.support.pki import Authority

__all__ = ["authority", "build", "house", "server_identity"]


class Quays(NamedTuple):
    """Both organisations; *partner* is what the client is to the server."""

    server: House
    client: ClientHouse
    partner: Partner


BuildClient = Callable[..., AbstractAsyncContextManager[ClientHouse]]


@pytest.fixture
def build_client(tmp_path: Path) -> BuildClient:
    """Makes a File Client with settings of its own; again on the same folder when asked again."""
    return lambda *destinations, **settings: running_client(
        environment(tmp_path / "client", *destinations, **settings)
    )


@pytest.fixture
async def quays(
    build: Build, build_client: BuildClient, authority: Authority, tmp_path: Path
) -> AsyncIterator[Quays]:
    shares = {name: tmp_path / name for name in ("in", "out")}
    for share in shares.values():
        share.mkdir()
    async with build({}) as server:
        partner = await server.partner("client")
        way = destination(authority, partner.identity, tmp_path / "pki-of-client")
        async with build_client(
            way, upload_share=str(shares["in"]), download_share=str(shares["out"])
        ) as client:
            yield Quays(server, client, partner)
