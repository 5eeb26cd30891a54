"""curl, wget and aria2c, as partners use them."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from tests.interop.conftest import Desk
from tests.support import raw_tus
from tests.support.quay import UPLOAD
from tests.support.requirements import program


def run(*command: str, ok: bool = True) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (result.returncode == 0) is ok, f"{command}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def curl(desk: Desk, *arguments: str, ok: bool = True) -> str:
    files = ["--cert", str(desk.files.certificate), "--key", str(desk.files.key)]
    return run(program("curl"), "-sS", "--fail", "--cacert", str(desk.authority), *files, *arguments, ok=ok)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture
def uploaded(desk: Desk, big_file: tuple[Path, str]) -> tuple[str, str]:
    """A big file that the partner uploaded with ``curl -T``: its download URL and SHA-256."""
    path, digest = big_file
    with desk.partner.connect() as connection:
        metadata = {"filename": path.name}
        created = raw_tus.create(connection, UPLOAD, path.stat().st_size, metadata=metadata)
    url = f"{desk.partner.server.exchange_url}{raw_tus.target_of(created)}"
    tus = ["-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Offset: 0"]
    content = ["-H", "Content-Type: application/offset+octet-stream"]
    curl(desk, "-X", "PATCH", "-T", str(path), *tus, *content, url)
    return desk.download_url(url), digest


@pytest.mark.needs("curl")
def test_curl_resumes_and_takes_ranges(desk: Desk, uploaded: tuple[str, str], tmp_path: Path) -> None:
    url, digest = uploaded
    target = tmp_path / "out.bin"
    curl(desk, "-r", "0-1048575", "-o", str(target), url)
    assert target.stat().st_size == 1 << 20
    curl(desk, "-C", "-", "-o", str(target), url)
    assert sha256(target) == digest
    middle = tmp_path / "middle.bin"
    curl(desk, "-r", "1048570-1048585,2097140-2097160", "-o", str(middle), url)
    whole = target.read_bytes()
    parts = middle.read_bytes()
    assert whole[1048570:1048586] in parts
    assert whole[2097140:2097161] in parts
    assert parts.count(b"Content-Range: bytes ") == 2


@pytest.mark.needs("curl")
def test_curl_sees_the_headers_of_a_file(desk: Desk, uploaded: tuple[str, str]) -> None:
    url, digest = uploaded
    head = curl(desk, "-I", url).lower()
    assert 'content-disposition: attachment; filename="big file.bin"' in head
    assert "accept-ranges: bytes" in head
    assert curl(desk, f"{url}.sha256") == digest.upper()
    assert len(curl(desk, f"{url}.md5")) == 32
    etag = next(line.partition(": ")[2] for line in head.splitlines() if line.startswith("etag"))
    unchanged = curl(desk, "-o", "/dev/null", "-w", "%{http_code}", "-H", f"If-None-Match: {etag}", url)
    assert unchanged == "304"
    curl(desk, "-H", 'If-Match: "another"', url, ok=False)


@pytest.mark.needs("wget")
def test_wget_resumes(desk: Desk, uploaded: tuple[str, str], tmp_path: Path) -> None:
    url, digest = uploaded
    target = tmp_path / "out.bin"
    curl(desk, "-r", "0-3000000", "-o", str(target), url)
    files = [f"--certificate={desk.files.certificate}", f"--private-key={desk.files.key}"]
    run(program("wget"), "-q", "-c", f"--ca-certificate={desk.authority}", *files, "-O", str(target), url)
    assert sha256(target) == digest


@pytest.mark.needs("aria2")
def test_aria2_with_sixteen_connections(desk: Desk, uploaded: tuple[str, str], tmp_path: Path) -> None:
    url, digest = uploaded
    run(
        program("aria2"),
        "--quiet",
        "--max-connection-per-server=16",
        "--split=16",
        "--min-split-size=1M",
        f"--ca-certificate={desk.authority}",
        f"--certificate={desk.files.certificate}",
        f"--private-key={desk.files.key}",
        f"--checksum=sha-256={digest}",
        f"--dir={tmp_path}",
        "--out=out.bin",
        url,
    )
    assert sha256(tmp_path / "out.bin") == digest
