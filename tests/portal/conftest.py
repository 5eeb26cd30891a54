"""A house for each test of the portal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal.house import House, running_house
from tests.support.memory_disk import tmp_path

__all__ = ["tmp_path"]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path) as made:
        yield made
