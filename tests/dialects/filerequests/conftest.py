"""Houses for the tests of file requests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialects.filerequests.house import Application, Build, House, running_house


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes a house with settings of its own."""
    usual = {"KADE_DIALECTS_FILEREQUESTS_CALLS_PER_MINUTE": "600"}
    return lambda settings: running_house(tmp_path, {**usual, **settings})


@pytest.fixture
async def house(build: Build) -> AsyncIterator[House]:
    async with build({}) as made:
        yield made


@pytest.fixture
async def desk(house: House) -> Application:
    """An application that may do everything in the first tenant."""
    return await house.application()
