"""The sources of what browsers get: their types are right, and they are built only when they changed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.requirements import ROOT
from tools import frontend


@pytest.mark.needs("nodejs", "npm")
def test_the_types_are_right() -> None:
    compiler = ROOT / frontend.FRONTEND / "node_modules/typescript/bin/tsc"
    command = ["node", str(compiler), "--project", "."]
    done = subprocess.run(command, cwd=ROOT / frontend.FRONTEND, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.needs("nodejs", "npm")
def test_it_is_built_anew_when_a_source_changed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / frontend.FRONTEND, tmp_path / frontend.FRONTEND, symlinks=True)
    assert not frontend.is_built(tmp_path)
    frontend.build(tmp_path)
    assert frontend.is_built(tmp_path)
    manifest = tmp_path / frontend.STATIC / "manifest.json"
    before = json.loads(manifest.read_text())
    style = tmp_path / frontend.FRONTEND / "styles" / "print.css"
    style.write_text(f"{style.read_text()}\n.other {{ color: red; }}\n")
    assert not frontend.is_built(tmp_path)
    frontend.build(tmp_path)
    after = json.loads(manifest.read_text())
    assert after["page.css"] != before["page.css"]
    assert after["request.js"] == before["request.js"]
    assert {path.name for path in manifest.parent.glob("*.css")} == {after["page.css"]}


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / frontend.FRONTEND / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all(package.get("integrity") for name, package in lock["packages"].items() if name)
