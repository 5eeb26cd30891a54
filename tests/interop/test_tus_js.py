"""tus-js-client on node: in chunks, in parallel parts, with deferred length, over a line that breaks."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.interop.conftest import Desk
from tests.support.fault_proxy import Fault, Flow, Plan, ThreadedFaultProxy

SCRIPT = Path(__file__).parent / "node" / "upload.mjs"

pytestmark = pytest.mark.needs("node")


def run(desk: Desk, url: str, file: Path, options: dict[str, object]) -> str:
    result = subprocess.run(
        [
            "node",
            str(SCRIPT),
            url,
            str(file),
            str(desk.files.certificate),
            str(desk.files.key),
            str(desk.authority),
            json.dumps(options),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize(
    "options",
    [
        {"chunkSize": 16 << 20},
        {"chunkSize": 16 << 20, "uploadLengthDeferred": True},
        {"chunkSize": 8 << 20, "parallelUploads": 4},
        {"chunkSize": 8 << 20, "overridePatchMethod": True},
        {"chunkSize": 32 << 20, "uploadDataDuringCreation": True},
    ],
    ids=["chunks", "deferred", "parallel", "override", "during-creation"],
)
def test_uploads(desk: Desk, big_file: tuple[Path, str], options: dict[str, object]) -> None:
    path, digest = big_file
    url = run(desk, desk.upload_url, path, options)
    assert desk.fetched_sha256(url) == digest


def test_a_line_that_breaks_twice(desk: Desk, big_file: tuple[Path, str]) -> None:
    path, digest = big_file
    broken = Plan(to_server=Flow(Fault.RESET, after=10 << 20))
    with ThreadedFaultProxy(desk.partner.server.exchange_port) as proxy:
        proxy.plan_next(broken, broken)
        url = desk.upload_url.replace(str(desk.partner.server.exchange_port), str(proxy.port))
        found = run(desk, url, path, {"chunkSize": 16 << 20})
    assert desk.fetched_sha256(found) == digest
