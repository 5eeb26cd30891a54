"""The contracts: valid, served, readable offline, and the same as what is routed, both ways."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from tests.dialects.contracts import Contracts
from tests.dialects.fileclient.conftest import BuildClient
from tests.dialects.fileclient.house import ClientHouse, destination
from tests.dialects.fileserver.conftest import Build
from tests.support.pki import Authority

from kade.dialects.fileclient.service import Services
from kade.dialects.fileclient.settings import Settings
from kade.web.dialect import Kit

CONTRACTS = Contracts("kade.dialects.fileclient", ("download", "upload", "files", "gb"))


@pytest.fixture
async def client(build_client: BuildClient) -> AsyncIterator[ClientHouse]:
    """A File Client alone."""
    async with build_client() as made:
        yield made


async def test_contracts_are_valid_and_served(client: ClientHouse) -> None:
    for name in CONTRACTS.names:
        await CONTRACTS.is_valid_and_served(client, name)
        await CONTRACTS.has_a_page_that_needs_nothing_from_elsewhere(client, name)
    await CONTRACTS.are_listed_for_people_and_programs(client)


async def test_what_is_described_is_routed_and_what_is_routed_is_described(client: ClientHouse) -> None:
    await CONTRACTS.is_what_is_routed(client, Services(cast(Kit, None), Settings()).rest())


async def test_the_media_types_are_those_of_the_contracts(client: ClientHouse) -> None:
    await CONTRACTS.names_the_media_types(client)


async def test_answers_are_those_of_the_contract(
    build: Build, build_client: BuildClient, authority: Authority, tmp_path: Path
) -> None:
    """Of tasks that are over, so that nothing else happens meanwhile."""
    async with build({}) as server:
        partner = await server.partner("client")
        way = destination(authority, partner.identity, tmp_path / "pki-of-client")
        path = (await server.upload(partner.id, b"x")).text
        async with build_client(way, hosts="localhost") as client:
            fetched = await client.fetch(f"{server.exchange}/download/{path}")
            sent = await client.send(f"{server.exchange}/upload", b"x")
            for kind, task in (("download", fetched), ("upload", sent)):
                assert (await client.over(kind, task["fileId"]))["status"] == "SUCCEEDED"
            for name in CONTRACTS.names:
                await CONTRACTS.say_what_is_answered(client, name, examples=4)
