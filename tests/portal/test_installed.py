"""Kade as it is installed: pages, style and scripts are in the wheel, and show without anything else."""

import http.client
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from tests.support.kade_server import KadeServer
from tests.support.requests import CONTRACT, Office
from tests.support.requirements import ROOT
from tools import frontend

PROGRAMS = Path(sys.executable).parent


def without_node(folder: Path) -> dict[str, str]:
    """An environment with hardly anything on its path."""
    folder.mkdir()
    return {**os.environ, "PATH": str(folder)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what is here."""
    assert frontend.is_built(ROOT), "run make frontend"
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    environment = without_node(out / "path")
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


def test_what_is_in_the_wheel(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("kade/portal/")]
    kinds = {Path(name).suffix for name in names}
    assert {".py", ".html", ".toml", ".css", ".js"} <= kinds
    assert not [name for name in names if "node_modules" in name or "frontend" in name]


def test_the_page_is_shown_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    uv = [
        str(PROGRAMS / "uv"),
        "pip",
        "install",
        "--offline",
        "--no-deps",
        "--quiet",
        "--python",
        str(python),
    ]
    subprocess.run([*uv, str(wheel)], check=True)
    # What Kade depends on is taken from here; Kade itself comes first, for its own folder does.
    paths = sysconfig.get_paths(vars={"base": str(venv), "platbase": str(venv)})
    (Path(paths["purelib"]) / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    environment = without_node(tmp_path / "path")
    for name in ("PYTHONPATH", "COVERAGE_PROCESS_START"):
        environment.pop(name, None)
    where = [str(python), "-c", "import kade; print(kade.__file__)"]
    found = subprocess.run(where, env=environment, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.startswith(str(venv))

    settings = {"PATH": environment["PATH"], "PYTHONPATH": "", "KADE_EXCHANGE_TLS": "false"}
    settings["KADE_EXCHANGE_CLIENT_CERTIFICATES"] = "none"
    with KadeServer(tmp_path / "data", command=[str(venv / "bin" / "kade")], environment=settings) as server:
        link = Office(server.config).ask(CONTRACT)
        page = fetched(server, link.path)
        assert CONTRACT.name in page
        assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
        assert len(assets) == 3
        for each in assets:
            assert len(fetched(server, each)) > 100


def fetched(server: KadeServer, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
