"""A data folder of its own, and commands on it in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.memory_disk import tmp_path as tmp_path

from kade.cli import main


@dataclass
class Local:
    """Runs commands on one folder and gives back what they print."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        code = main(["--config", str(self.folder / "quay" / "kade.toml"), *arguments])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def ok(self, *arguments: str) -> str:
        """Standard output of a command that succeeds."""
        code, output, errors = self.run(*arguments)
        assert code == 0, errors
        return output

    def json(self, *arguments: str) -> Any:
        """The same command's output as JSON."""
        return json.loads(self.ok(*arguments, "--json"))

    def lines(self, *arguments: str) -> list[Any]:
        """The output of a command that prints a JSON object per line."""
        return [json.loads(line) for line in self.ok(*arguments, "--json").splitlines()]

    def refused(self, *arguments: str) -> str:
        """The sentence with which a command fails."""
        code, output, errors = self.run(*arguments)
        assert code != 0
        assert output == ""
        assert errors.count("\n") == 1
        return errors.removeprefix("kade: ").strip()


@pytest.fixture
def local(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Local:
    for name in ("KADE_CONFIG", "KADE_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["init", str(tmp_path / "quay")]) == 0
    capsys.readouterr()
    return Local(tmp_path, capsys)
