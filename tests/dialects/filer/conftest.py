"""Houses for the tests of Filer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialects.filer.house import Build, House, make_example, running_house


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes a house with settings of its own."""
    return lambda settings: running_house(tmp_path, settings)


@pytest.fixture
async def house(build: Build) -> AsyncIterator[House]:
    async with build({}) as made:
        yield made


@pytest.fixture
async def example(house: House) -> House:
    """A house with the customer of the documentation, whose one file is read."""
    await make_example(house)
    return house
