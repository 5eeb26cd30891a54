"""The extractor with its real child process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.extraction import Reader


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    """Reads files with limits as they are by default."""
    made = Reader(tmp_path)
    yield made
    await made.close()
