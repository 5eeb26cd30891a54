"""Houses for the tests of the File API."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.dialects.fileapi.house import House, running_house

Build = Callable[[dict[str, str]], AbstractAsyncContextManager[House]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes a house with settings of its own."""
    return lambda settings: running_house(tmp_path, settings)


@pytest.fixture
async def house(build: Build) -> AsyncIterator[House]:
    async with build({}) as made:
        yield made
