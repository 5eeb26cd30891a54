"""Houses for the tests of the File API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialects.fileapi.house import Build, House, running_house


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes a house with settings of its own."""
    return lambda settings: running_house(tmp_path, settings)


@pytest.fixture
async def house(build: Build) -> AsyncIterator[House]:
    async with build({}) as made:
        yield made
