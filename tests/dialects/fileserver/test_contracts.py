"""The contracts: valid, served, readable offline, and the same as what is routed, both ways."""

from typing import cast

import pytest
from tests.dialects.contracts import Contracts
from tests.dialects.fileserver.house import House

from kade.dialects.fileserver.service import rest_operations
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit

CONTRACTS = Contracts("kade.dialects.fileserver", ("users", "files", "gb"))
each_contract = pytest.mark.parametrize("name", CONTRACTS.names)


@each_contract
async def test_a_contract_is_valid_and_served(house: House, name: str) -> None:
    await CONTRACTS.is_valid_and_served(house, name)


async def test_what_is_described_is_routed_and_what_is_routed_is_described(house: House) -> None:
    await CONTRACTS.is_what_is_routed(house, rest_operations(cast(Kit, None), Settings()))


async def test_the_media_types_are_those_of_the_contracts(house: House) -> None:
    await CONTRACTS.names_the_media_types(house)


@each_contract
async def test_a_page_needs_nothing_from_elsewhere(house: House, name: str) -> None:
    await CONTRACTS.has_a_page_that_needs_nothing_from_elsewhere(house, name)


async def test_the_services_are_listed_for_people_and_programs(house: House) -> None:
    await CONTRACTS.are_listed_for_people_and_programs(house)


@each_contract
async def test_answers_are_those_of_the_contract(house: House, name: str) -> None:
    await house.partner("partner")
    await house.upload(0, b"x")
    await CONTRACTS.say_what_is_answered(house, name)
