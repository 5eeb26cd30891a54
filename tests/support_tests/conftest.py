"""A running stand-in server for the tests of the tools that talk to one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.kade_server import KadeServer

ROOT = Path(__file__).parent.parent.parent
STAND_IN = [sys.executable, "-m", "tests.support_tests.stand_in"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    folder = tmp_path_factory.mktemp("stand-in")
    with KadeServer(folder, command=STAND_IN, environment=ENVIRONMENT) as server:
        yield server
